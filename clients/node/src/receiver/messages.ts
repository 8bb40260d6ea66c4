/**
 * Reads the body of a callback into a typed message; does not check who sent it, `signature` does.
 *
 * An SMS is `to`, `message`, ids, a media URL if any; an email `to`, `subject`, `html`, the same as
 * `content`, ids. Every other member comes from the message's metadata, and is given as such.
 */
import { TooLarge, Unreadable } from './refusals.js';

export const MAX_BATCH = 1_000;

/** What both channels' messages have. */
export interface Delivered {
  to: string;
  contactId: string;
  workspaceId: string;
  /** The same each time the message comes. */
  jobId: string;
  /** What was scheduled with the message, but for members named like the service's own. */
  metadata: Record<string, unknown>;
  /** Counts its comings, from 1. */
  attempt: number;
}

/** An SMS to send now: `message` is its text, `mediaUrl` a picture's address (MMS). */
export interface SmsMessage extends Delivered {
  message: string;
  mediaUrl?: string;
}

/** An email to send now: `html` is its body. */
export interface EmailMessage extends Delivered {
  subject: string;
  html: string;
}

/** What the service POSTs to the application's events URL. */
export interface Event {
  eventId: string;
  /** `message.completed`, `message.failed`, `ratelimit.exceeded` and so on; newer services may add some. */
  type: string;
  timestamp: string;
  jobId?: string | null;
  status?: string | null;
  error?: string | null;
  workspaceId?: string | null;
  channel?: 'sms' | 'email' | null;
  contactId?: string | null;
  campaignId?: string | null;
}

/** Reads one message's JSON and its attempt number. Throws Unreadable. */
export type Reader<T> = (body: Body, attempt?: number) => T;
/** JSON as it came, or what was parsed of it. */
export type Body = string | Uint8Array | object;

/** The SMS in `body`, the `attempt`-th time it comes. Throws Unreadable, naming the member that is wrong. */
export function parseSms(body: Body, attempt = 1): SmsMessage {
  const { to, message, contactId, workspaceId, jobId, ...rest } = texts(body, ['to', 'message', 'contactId', 'workspaceId', 'jobId']);
  // Where the service sends no picture, metadata may use its name for anything; text is taken for one.
  const { mediaUrl, ...others } = rest;
  const picture = typeof mediaUrl === 'string';
  return { to, message, contactId, workspaceId, jobId, attempt, ...(picture && { mediaUrl }), metadata: picture ? others : rest };
}

/** The email in `body`, the `attempt`-th time it comes. Throws Unreadable, naming the member that is wrong. */
export function parseEmail(body: Body, attempt = 1): EmailMessage {
  const names = ['to', 'subject', 'html', 'contactId', 'workspaceId', 'jobId'] as const;
  const { to, subject, html, contactId, workspaceId, jobId, content: _, ...metadata } = texts(body, names);
  return { to, subject, html, contactId, workspaceId, jobId, attempt, metadata };
}

/**
 * The message in `body`, for an endpoint that both channels share; where there are two, `parseSms` and
 * `parseEmail` cannot be misled. It is an email if it has `html` and the same as `content`, which only
 * the service writes. Throws Unreadable.
 */
export function parse(body: Body, attempt = 1): SmsMessage | EmailMessage {
  const members = texts(body, []);
  const isEmail = 'html' in members && members.content === members.html;
  return isEmail || !('message' in members) ? parseEmail(members, attempt) : parseSms(members, attempt);
}

/** The event in `body`. Types and members that this version does not know are passed over. Throws Unreadable. */
export function parseEvent(body: Body, _attempt = 1): Event {
  return texts(body, ['eventId', 'type', 'timestamp']) as unknown as Event;
}

/** A batch as the service sends it, or a bare list. */
export interface Batch {
  workspaceId: string | undefined;
  messages: readonly unknown[];
}

/** The batch that `parsed` is, undefined where it is one message. Throws TooLarge. */
export function batchOf(parsed: unknown): Batch | undefined {
  const { messages, workspaceId, jobId } = (Array.isArray(parsed) ? { messages: parsed } : (parsed ?? {})) as Record<string, unknown>;
  if (!Array.isArray(messages) || jobId !== undefined) return undefined;
  if (messages.length > MAX_BATCH) throw new TooLarge(`${messages.length} messages in one call; ${MAX_BATCH} at most`);
  return { messages, workspaceId: typeof workspaceId === 'string' ? workspaceId : undefined };
}

/** One message of a batch: its `attempt` is the service's, whatever its metadata says. */
export function partOf<T>(part: unknown, reader: Reader<T>, attempt: number): T {
  if (!isObject(part)) throw new Unreadable('a message of the batch is not a JSON object');
  const { attempt: own, ...members } = part;
  return Number.isInteger(own) && (own as number) > 0 ? reader(members, own as number) : reader(part, attempt);
}

/** `body` parsed. Throws Unreadable for what is no JSON. */
export function parsedJson(body: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof body === 'string' ? body : new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new Unreadable('the body is not JSON');
  }
}

function texts<N extends string>(body: Body, names: readonly N[]): Record<N, string> & Record<string, unknown> {
  const members = typeof body === 'string' || body instanceof Uint8Array ? parsedJson(body) : body;
  if (!isObject(members)) throw new Unreadable('the body is not a JSON object');
  for (const name of names) {
    if (typeof members[name] !== 'string') throw new Unreadable(`${name}: expected text`);
  }
  return members as Record<N, string> & Record<string, unknown>;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
