/**
 * Checks what is to be scheduled as the service does, every fault at once. Laxer than the service
 * only in what an email address is: one @ with something on both sides.
 */
import { ValidationFailed, type Fault } from '../errors.js';
import type { Channel, Priority } from '../messages.js';

const LONGEST_ID = 255;
const LARGEST_METADATA = 16 * 1024;
const LONGEST_DELAY = 400 * 86_400_000;
const PHONE = /^[0-9+().\- ]{3,32}$/;
const EMAIL = /^[^@\s]+@[^@\s]+$/;
const MEDIA = /^https?:\/\/[^\s/]+\S*$/;
const OFFSET = /(Z|[+-]\d{2}:?\d{2})$/i;

/** A message that the fake accepted; `content` has what identifies it beside the addressee. */
export interface Accepted {
  channel: Channel;
  to: string;
  contactId: string;
  workspaceId: string;
  content: Record<string, string>;
  metadata: Record<string, unknown>;
  priority: Priority;
  /** Milliseconds of the clock, not before its now. */
  due: number;
  delayed: boolean;
  expiresAt: number | null;
  key: string | null;
  campaignId: string | null;
}

/** The members of a body. */
export type Members = Record<string, unknown>;

/** The message in `body`. Throws ValidationFailed with every fault. */
export function accept(body: Members, channel: Channel, now: number): Accepted {
  const read = new Reading(body);
  const numberIn = read.given('to') && !read.given('phoneNumber') ? 'to' : 'phoneNumber';
  const to = channel === 'email' ? read.matching('to', EMAIL, 'give an email address') : read.matching(numberIn, PHONE, 'give 3-32 digits, + ( ) - . or spaces');
  const names = channel === 'sms' ? ['message'] : ['subject', 'html'];
  const content = Object.fromEntries(names.map((name) => [name, read.text(name)]));
  if (channel === 'sms' && read.given('mediaUrl')) content.mediaUrl = read.matching('mediaUrl', MEDIA, 'give an http(s) URL');
  const contactId = read.text('contactId', LONGEST_ID);
  const workspaceId = Number.isInteger(body.workspaceId) ? String(body.workspaceId) : read.text('workspaceId', LONGEST_ID);
  const due = read.due(now);
  const priority = (body.priority ?? 'normal') as Priority;
  if (!['high', 'normal', 'low'].includes(priority)) read.fault('priority', 'give high, normal or low');
  const expiresAt = read.instant('expiresAt') ?? null;
  const key = read.given('idempotencyKey') ? read.text('idempotencyKey', LONGEST_ID) : null;
  const metadata = read.metadata();
  read.end();
  const delayed = due !== undefined && due > now;
  const campaignId = typeof metadata.campaignId === 'string' || Number.isInteger(metadata.campaignId) ? String(metadata.campaignId) : null;
  return { channel, to, contactId, workspaceId, content, metadata, priority, due: due ?? now, delayed, expiresAt, key, campaignId };
}

/** When `delay` or `scheduledFor` of a body say, not before now. Throws ValidationFailed where neither does. */
export function dueOf(body: Members, now: number): number {
  const read = new Reading(body);
  const due = read.due(now);
  if (due === undefined) read.fault('delay', 'give a delay or an instant');
  read.end();
  return due as number;
}

/** What must be the same when an idempotency key comes again. */
export function fingerprint({ channel, to, contactId, content, metadata }: Accepted): string {
  return JSON.stringify([channel, to, contactId, sorted(content), sorted(metadata)]);
}

/** Reads members one by one and gathers what is wrong. */
class Reading {
  private readonly faults: Fault[] = [];

  constructor(private readonly body: Members) {}

  end(): void {
    if (this.faults.length) throw ValidationFailed.of(...this.faults);
  }

  given(name: string): boolean {
    return this.body[name] !== undefined && this.body[name] !== null;
  }

  fault(field: string, message: string): void {
    this.faults.push({ field, message });
  }

  text(name: string, longest?: number): string {
    const value = this.body[name];
    if (typeof value !== 'string' || !value) this.fault(name, 'it is required, and may not be empty');
    else if (value.includes('\0') || (longest && [...value].length > longest)) this.fault(name, `give at most ${longest ?? 'any'} characters, none of them NUL`);
    return String(value);
  }

  matching(name: string, pattern: RegExp, message: string): string {
    const value = this.body[name];
    if (typeof value !== 'string' || !pattern.test(value)) this.fault(name, message);
    return String(value);
  }

  instant(name: string): number | undefined {
    if (!this.given(name)) return undefined;
    const value = this.body[name];
    const moment = typeof value === 'string' && OFFSET.test(value) ? Date.parse(value) : NaN;
    if (Number.isNaN(moment)) this.fault(name, 'give an instant with its offset, as in 2026-03-22T10:15:30Z');
    return moment;
  }

  due(now: number): number | undefined {
    const { delay } = this.body;
    let after: number | undefined;
    if (this.given('delay')) {
      if (typeof delay !== 'number' || !(delay >= 0 && delay <= LONGEST_DELAY)) this.fault('delay', 'give milliseconds from 0 to 400 days');
      else after = now + delay;
    }
    const at = this.instant('scheduledFor');
    if (at === undefined) return after;
    if (at > now + LONGEST_DELAY) this.fault('scheduledFor', 'it is more than 400 days ahead');
    if (after !== undefined && Math.abs(at - after) > 1_000) this.fault('scheduledFor', 'it differs from delay; give one of the two');
    return Math.max(at, now);
  }

  metadata(): Record<string, unknown> {
    const metadata = this.body.metadata ?? {};
    if (typeof metadata !== 'object' || Array.isArray(metadata)) {
      this.fault('metadata', 'give an object');
      return {};
    }
    if (new TextEncoder().encode(JSON.stringify(metadata)).length > LARGEST_METADATA) this.fault('metadata', 'it is larger than 16 KiB');
    const { callbackEndpoint: path } = metadata as Members;
    const wrong = path === undefined || path === null ? undefined : pathFault(path);
    if (wrong) this.fault('metadata.callbackEndpoint', wrong);
    return metadata as Record<string, unknown>;
  }
}

function pathFault(path: unknown): string | undefined {
  if (typeof path !== 'string' || !/^\/(?!\/)/.test(path) || path.length > 2_000) return 'give a path that begins with exactly one /';
  const segments = path.replace(/\?.*$/s, '').split('/').map((segment) => segment.replaceAll(/%2e/gi, '.'));
  const wrong = /[\\#\x00-\x1f\x7f]/.test(path) || segments.includes('.') || segments.includes('..');
  return wrong ? 'it may not hold a backslash, #, control character or dot segment' : undefined;
}

/** `value` with the members of its objects in order, as the order of JSON means nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, member]) => [name, sorted(member)]));
}
