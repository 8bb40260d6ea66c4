/**
 * What a campaign sends to whom and when: steps and contacts become messages, the same ones with the
 * same keys as those of the Python client. Pure but for the caller's templates.
 */
import { createHash } from 'node:crypto';
import type { Entry } from './bulk.js';
import { EVERY_DAY, sendAt, type Weekdays } from './calendar.js';
import { QueueServiceError, ValidationFailed } from './errors.js';
import type { Message, Priority } from './messages.js';
import { failed, type ScheduleResult } from './results.js';
import { place, PLACES, type Rollout } from './rollout.js';
import type { CompiledStep } from './steps.js';

const LONGEST_KEY = 255;

/**
 * One message of a campaign: on day `day` (0 is the start's) at the wall-clock time `at`, by
 * `channel`, written by `template`.
 */
export interface Step {
  day: number;
  at: string;
  channel: 'sms' | 'email';
  /** An email's, a template too. */
  subject?: string;
  template?: string;
  /** Names the step in idempotency keys and callbacks; "1", "2" and so on by default. Give one to steps that may move. */
  id?: string;
  /** The weekdays it may go out on. */
  days?: Weekdays;
  priority?: Priority;
  /** How late it may still be sent. */
  expiresAfterMs?: number;
  mediaUrl?: string;
  metadata?: Record<string, unknown>;
  callbackEndpoint?: string;
}

/** A person to write to. `fields` are what templates name, beside contact_id, phone and email. */
export interface Contact {
  id: string;
  phone?: string | null;
  email?: string | null;
  /** Their own, in place of the campaign's. */
  zone?: string | null;
  fields?: Record<string, unknown>;
}

/** One message of a launch: its `jobId`, or the `error` for which it has none. */
export interface Launched {
  contactId: string;
  stepId: string;
  scheduledFor: Date | null;
  jobId: string | null;
  replayed: boolean;
  error: string | null;
}

/**
 * What a launch did. `replayed`, those that an earlier launch had scheduled, are among `accepted`;
 * `heldBack` are contacts the rollout leaves out.
 */
export interface Launch {
  accepted: number;
  replayed: number;
  rejected: number;
  heldBack: number;
  messages: Launched[];
}

/** What a launch is about. */
export interface PlanOptions {
  campaignId: string;
  workspaceId: string;
  zone: string;
  kind: string | undefined;
  start: Date | string;
  now: Date;
  spreadMs: number;
  rollout: Rollout | undefined;
}

/** One launch: makes the messages (`entries`) and takes their results, in the same order (`add`). */
export class Plan {
  private readonly due = new Map<string, number>();
  private readonly open: { contactId: string; stepId: string; scheduledFor: Date | null }[] = [];
  private readonly result: Launch = { accepted: 0, replayed: 0, rejected: 0, heldBack: 0, messages: [] };
  private taken = 0;

  constructor(
    private readonly steps: readonly CompiledStep[],
    private readonly of: PlanOptions,
  ) {}

  async *entries(contacts: Iterable<Contact> | AsyncIterable<Contact>): AsyncGenerator<Entry> {
    for await (const contact of contacts) yield* this.entriesFor(contact);
  }

  add(result: ScheduleResult): void {
    const about = this.open[this.taken] as (typeof this.open)[number];
    delete this.open[this.taken];
    this.taken += 1;
    this.result[result.success ? 'accepted' : 'rejected'] += 1;
    this.result.replayed += Number(result.replayed === true);
    this.result.messages.push({
      ...about,
      jobId: result.jobId ?? null,
      replayed: result.replayed === true,
      error: result.success ? null : (result.error ?? 'refused'),
    });
  }

  launch(): Launch {
    return this.result;
  }

  private *entriesFor(contact: Contact): Generator<Entry> {
    const { campaignId, workspaceId, kind, rollout, spreadMs, zone } = this.of;
    if (rollout && !rollout.allows(contact.id, { workspaceId, kind })) {
      this.result.heldBack += 1;
      return;
    }
    const offset = spreadOf(spreadMs, place(campaignId, contact.id));
    const fields = { contact_id: contact.id, phone: contact.phone, email: contact.email, ...contact.fields };
    for (const step of this.steps) {
      let due: Date | null = null;
      let entry: Entry;
      try {
        due = new Date(this.dueAt(step, contact.zone || zone) + offset);
        entry = this.message(step, contact, fields, due);
      } catch (error) {
        entry = { known: failed(error instanceof QueueServiceError ? error : new Error(misfit(step, error))) };
      }
      this.open.push({ contactId: contact.id, stepId: step.id, scheduledFor: due });
      yield entry;
    }
  }

  /** A time that is past at launch goes to the next that the clocks show: a late start sends nothing at night. */
  private dueAt(step: CompiledStep, zone: string): number {
    const key = `${step.id}\0${zone}`;
    let found = this.due.get(key);
    if (found === undefined) {
      const { day, at, days = EVERY_DAY } = step.of;
      found = sendAt(day, at, zone, this.of.start, days).getTime();
      if (found <= this.of.now.getTime()) found = sendAt(0, at, zone, this.of.now, days).getTime();
      this.due.set(key, found);
    }
    return found;
  }

  private message(step: CompiledStep, contact: Contact, fields: Record<string, unknown>, due: Date): Message {
    const { campaignId, workspaceId } = this.of;
    const { priority, expiresAfterMs, metadata, callbackEndpoint, mediaUrl, channel } = step.of;
    const common = {
      contactId: contact.id,
      workspaceId,
      scheduledFor: due,
      idempotencyKey: idempotencyKey(campaignId, step.id, contact.id),
      campaignId,
      messageId: step.id,
      ...(metadata && { metadata }),
      ...(priority && priority !== 'normal' && { priority }),
      ...(expiresAfterMs && { expiresAt: new Date(due.getTime() + expiresAfterMs) }),
      ...(callbackEndpoint && { callbackEndpoint }),
    };
    if (channel === 'sms') {
      const phoneNumber = address(contact, 'phone');
      return { channel, phoneNumber, message: step.body(fields), ...(mediaUrl && { mediaUrl }), ...common };
    }
    const to = address(contact, 'email');
    return { channel, to, subject: step.subject(fields), html: step.body(fields), ...common };
  }
}

/**
 * campaign:step:contact, so that a second launch schedules nothing twice; hashed where that is longer
 * than a key may be. A colon within the first two is escaped, or two different messages could share a key.
 */
export function idempotencyKey(campaignId: string, stepId: string, contactId: string): string {
  const [campaign, step] = [campaignId, stepId].map((name) => name.replaceAll('%', '%25').replaceAll(':', '%3A'));
  const key = `${campaign}:${step}:${contactId}`;
  return [...key].length <= LONGEST_KEY ? key : `sha256:${createHash('sha256').update(key, 'utf8').digest('hex')}`;
}

/**
 * A contact's share of the spread in whole milliseconds: rounded half to even at the microsecond,
 * then cut, as Python's timedelta and the wire do it, so that both languages plan the same instant.
 */
function spreadOf(spreadMs: number, contact: number): number {
  if (!spreadMs) return 0;
  const [product, whole] = [BigInt(Math.round(spreadMs * 1000)) * BigInt(contact), BigInt(PLACES)];
  const [floor, rest] = [product / whole, (product % whole) * 2n];
  const up = rest > whole || (rest === whole && floor % 2n === 1n);
  return Number((floor + (up ? 1n : 0n)) / 1000n);
}

function address(contact: Contact, name: 'phone' | 'email'): string {
  const found = contact[name];
  if (!found) throw ValidationFailed.of({ field: name, message: `contact ${contact.id} has none` });
  return found;
}

function misfit(step: CompiledStep, error: unknown): string {
  return `the template of step ${step.id} does not fit: ${error instanceof Error ? error.message : String(error)}`;
}
