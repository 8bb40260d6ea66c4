/** What an application gives the service: messages, and how they are written on the wire. */
import { ValidationFailed, type Fault } from './errors.js';

/** What carries a message. */
export type Channel = 'sms' | 'email';
/** Orders the messages of one workspace; `high` also passes its send window. */
export type Priority = 'high' | 'normal' | 'low';
/** When a message is due: milliseconds from now, or an instant. A past instant is now. */
export type Delay = number | Date;

/** What every message may have. */
export interface MessageOptions {
  /** The person. */
  contactId: string;
  /** The tenant. */
  workspaceId: string | number;
  /** Milliseconds from now; absent, null or 0 is now. */
  delay?: number | null;
  /** The instant it is due, in place of `delay`: a Date, or text with an offset. */
  scheduledFor?: Date | string | null;
  /** JSON of at most 16 KiB that comes back in the callback. */
  metadata?: Record<string, unknown> | null;
  priority?: Priority | null;
  /** Past this instant the message is not sent. */
  expiresAt?: Date | string | null;
  /** The same key in one workspace schedules once; one is made where none is given. */
  idempotencyKey?: string | null;
  /** These four travel in the metadata; the last is the path of the application's endpoint. */
  campaignId?: string | null;
  messageId?: string | null;
  source?: string | null;
  callbackEndpoint?: string | null;
}

/** An SMS to schedule; the number is `phoneNumber` or `to`, `mediaUrl` makes it an MMS. */
export interface SmsData extends MessageOptions {
  phoneNumber?: string | null;
  to?: string | null;
  message: string;
  mediaUrl?: string | null;
}

/** An email to schedule. */
export interface EmailData extends MessageOptions {
  to: string;
  subject: string;
  html: string;
}

/** A message of either channel, as bulk calls take them. */
export type Message = ({ channel: 'sms' } & SmsData) | ({ channel: 'email' } & EmailData);

/**
 * The body that schedules `data`, due after `delay` where given, else as `data` says. Members that
 * are not known here are passed on as they are. Throws ValidationFailed with every fault found.
 */
export function messageBody(data: SmsData | EmailData, delay?: Delay | null): Record<string, unknown> {
  if (typeof data !== 'object' || data === null) {
    throw ValidationFailed.of({ field: '', message: 'give the message as an object' });
  }
  const faults: Fault[] = [];
  const { delay: ownDelay, scheduledFor, expiresAt, metadata, campaignId, messageId, source, callbackEndpoint, ...rest } = data;
  const body: Record<string, unknown> = { ...rest };
  if (delay !== undefined && delay !== null) {
    Object.assign(body, due(delay, faults));
  } else {
    if (ownDelay !== undefined && ownDelay !== null) Object.assign(body, due(ownDelay, faults));
    if (scheduledFor !== undefined && scheduledFor !== null) body.scheduledFor = instant(scheduledFor, 'scheduledFor', faults);
  }
  if (expiresAt !== undefined && expiresAt !== null) body.expiresAt = instant(expiresAt, 'expiresAt', faults);
  const named = Object.entries({ campaignId, messageId, source, callbackEndpoint }).filter(([, value]) => value !== undefined && value !== null);
  if (metadata !== undefined && metadata !== null && typeof metadata !== 'object') faults.push({ field: 'metadata', message: 'give an object' });
  if (named.length || metadata) body.metadata = { ...metadata, ...Object.fromEntries(named) };
  if (faults.length) throw ValidationFailed.of(...faults);
  return body;
}

/** `delay` as the service reads it, alone. Throws ValidationFailed for one that is none. */
export function dueMembers(delay: Delay): Record<string, unknown> {
  const faults: Fault[] = [];
  const members = due(delay, faults);
  if (faults.length) throw ValidationFailed.of(...faults);
  return members;
}

/** Not a number and an invalid Date would be written as null, which means now; so they are faults. */
function due(delay: Delay, faults: Fault[]): Record<string, unknown> {
  if (delay instanceof Date) return { scheduledFor: instant(delay, 'scheduledFor', faults) };
  if (typeof delay !== 'number' || !Number.isFinite(delay) || delay < 0) {
    faults.push({ field: 'delay', message: 'give milliseconds >= 0 or a Date' });
    return {};
  }
  return { delay: Math.round(delay) };
}

function instant(moment: Date | string, field: string, faults: Fault[]): string | undefined {
  if (typeof moment === 'string') return moment;
  if (moment instanceof Date && !Number.isNaN(moment.getTime())) return moment.toISOString();
  faults.push({ field, message: 'give a valid Date, or text with an offset' });
  return undefined;
}
