/**
 * The fake service's messages and what may be done with them, in memory. Time is the clock's alone.
 * Limits, send windows and holds of a whole workspace are left out: each message goes out when it is due.
 */
import type { CampaignProgress, Change, Status } from '../api.js';
import { Conflict, NotFound } from '../errors.js';
import type { Channel } from '../messages.js';
import type { QueueClock } from './clock.js';
import { MAX_ATTEMPTS, ownEndpoint, text, type Held } from './held.js';
import { progressOf } from './progress.js';
import { fingerprint, type Accepted } from './intake.js';
import { backoff, batchLimit, batchOutcomes, outcomeOf, saidDelivered, type Outcome, type Settled } from './outcome.js';

/** How long a message may be unreachable or throttled before it fails. */
const PATIENCE = 24 * 3_600_000;
const ORDER = { high: 0, normal: 1, low: 2 };

/** Every message that was accepted, in order, and the campaigns that are paused. */
export class FakeQueue {
  readonly held = new Map<string, Held>();
  readonly changes: Change[] = [];
  private readonly keys = new Map<string, Held>();
  private readonly paused = new Set<string>();

  /** `asks`: the channels whose application is asked before a message is sent again. */
  constructor(
    readonly clock: QueueClock,
    private readonly asks: ReadonlySet<Channel> = new Set(),
  ) {}

  /** Take a message; `replayed` when its idempotency key had come before. Throws Conflict where that was another message. */
  schedule(message: Accepted): { held: Held; replayed: boolean } {
    const key = message.key === null ? undefined : `${message.workspaceId}\0${message.key}`;
    const first = key === undefined ? undefined : this.keys.get(key);
    if (first) {
      if (fingerprint(first.message) !== fingerprint(message)) {
        throw new Conflict(`The idempotency key '${message.key}' belongs to another message, job ${first.jobId}.`);
      }
      return { held: first, replayed: true };
    }
    const held: Held = {
      jobId: this.newId(), message, createdAt: this.now, due: message.due, visibleAt: message.due, status: 'SCHEDULED',
      reason: null, error: null, finishedAt: null, tries: 0, refusedSince: null, refusals: 0, attempts: [],
      unconfirmed: false, batchLimit: null,
    };
    this.held.set(held.jobId, held);
    if (key !== undefined) this.keys.set(key, held);
    return { held, replayed: false };
  }

  /** The job of that id. Throws NotFound. */
  find(jobId: string): Held {
    const held = this.held.get(jobId);
    if (held === undefined) throw new NotFound(`There is no job '${jobId}'.`);
    return held;
  }

  isPaused({ message }: Held): boolean {
    return message.campaignId !== null && this.paused.has(campaignKey(message.workspaceId, message.campaignId));
  }

  cancel(jobId: string): Held {
    return this.end(this.scheduled(jobId), 'CANCELLED', 'cancelled');
  }

  retry(jobId: string): Held {
    const held = this.find(jobId);
    if (held.status !== 'FAILED' && held.status !== 'CANCELLED') {
      throw new Conflict(`Job ${jobId} is ${held.status}; only a FAILED or CANCELLED one can be retried.`);
    }
    Object.assign(held, { status: 'SCHEDULED', reason: null, finishedAt: null, tries: 0, refusedSince: null, refusals: 0, unconfirmed: false });
    this.changed(held);
    return this.makeDue(held, this.now);
  }

  reschedule(jobId: string, due: number): Held {
    return this.makeDue(this.scheduled(jobId), due);
  }

  /** The next message that is due by `until`, now PROCESSING, the clock moved to its time; undefined when there is none. */
  take(until: number): Held | undefined {
    for (;;) {
      const held = this.first(until);
      if (held === undefined) return undefined;
      this.clock.moveTo(held.visibleAt);
      if (held.message.expiresAt !== null && held.message.expiresAt <= this.now) {
        this.end(held, 'CANCELLED', 'expired');
        continue;
      }
      held.status = 'PROCESSING';
      return held;
    }
  }

  /** What is due now and may share a batch of `size` with `first`, now PROCESSING. */
  takeMore(first: Held, size: number): Held[] {
    const { workspaceId, channel } = first.message;
    const now = this.now;
    const shares = (held: Held): boolean =>
      held.status === 'SCHEDULED' && held.visibleAt <= now && !this.isPaused(held) && !held.unconfirmed && ownEndpoint(held) === undefined &&
      held.message.workspaceId === workspaceId && held.message.channel === channel && (held.batchLimit ?? size) >= size &&
      (held.message.expiresAt ?? Infinity) > now;
    const more = [...this.held.values()].filter(shares).sort((one, other) => (before(one, other) ? -1 : Number(before(other, one)))).slice(0, size - 1);
    for (const held of more) held.status = 'PROCESSING';
    return more;
  }

  /** Record what came of a delivery. */
  settle(held: Held, answer: Settled): void {
    this.record(held, outcomeOf(answer), answer);
  }

  /** Record what came of a batch, of each of its messages. */
  settleBatch(messages: readonly Held[], answer: Settled): void {
    const outcomes = batchOutcomes(answer, messages.map(({ jobId }) => jobId));
    const smaller = batchLimit(answer, messages.length);
    messages.forEach((held, index) => {
      held.batchLimit = smaller ?? held.batchLimit;
      this.record(held, outcomes[index] as Outcome, answer);
    });
  }

  /** Record what the application said to the question whether it has the message. */
  confirm(held: Held, answer: Settled): void {
    const delivered = saidDelivered(answer);
    if (delivered === undefined) {
      this.refused(held, { word: 'unreachable', error: held.error, usesTry: false });
      return;
    }
    Object.assign(held, { unconfirmed: false, refusedSince: null, refusals: 0 });
    if (!delivered) {
      this.again(held, held.tries >= MAX_ATTEMPTS ? 'exhausted' : undefined, 0);
      return;
    }
    held.error = null;
    this.attempted(held, { word: 'delivered', error: null, usesTry: false }, null, true);
    this.end(held, 'COMPLETED', null);
  }

  /** Give back a message whose delivery did not happen. */
  release(held: Held): void {
    held.status = 'SCHEDULED';
  }

  /** How far a campaign is. Throws NotFound before its first message. */
  campaign(workspaceId: string, campaignId: string): CampaignProgress {
    const held = this.of(workspaceId, campaignId);
    if (!held.length) throw new NotFound(`There is no campaign '${campaignId}'.`);
    return progressOf(workspaceId, campaignId, held, this.paused.has(campaignKey(workspaceId, campaignId)));
  }

  /** What pause, resume, cancel and shift do to a campaign; how many jobs that is. */
  steer(workspaceId: string, campaignId: string, verb: string, byMs: number): number {
    const waiting = this.of(workspaceId, campaignId).filter((one) => one.status === 'SCHEDULED');
    const key = campaignKey(workspaceId, campaignId);
    if (verb === 'pause') this.paused.add(key);
    if (verb === 'resume') this.paused.delete(key);
    for (const held of waiting) {
      if (verb === 'cancel') this.end(held, 'CANCELLED', 'cancelled');
      if (verb === 'shift') this.makeDue(held, Math.max(held.visibleAt + byMs, this.now));
    }
    return waiting.length;
  }

  private get now(): number {
    return this.clock.now().getTime();
  }

  private first(until: number): Held | undefined {
    let best: Held | undefined;
    for (const held of this.held.values()) {
      if (held.status !== 'SCHEDULED' || held.visibleAt > until || this.isPaused(held)) continue;
      if (best === undefined || before(held, best)) best = held;
    }
    return best;
  }

  private of(workspaceId: string, campaignId: string): Held[] {
    return [...this.held.values()].filter(({ message }) => message.workspaceId === workspaceId && message.campaignId === campaignId);
  }

  private scheduled(jobId: string): Held {
    const held = this.find(jobId);
    if (held.status !== 'SCHEDULED') throw new Conflict(`Job ${jobId} is ${held.status}; only a SCHEDULED one can be changed.`);
    return held;
  }

  private record(held: Held, outcome: Outcome, answer: Settled): void {
    const { word, error, usesTry, final } = outcome;
    held.error = error;
    held.tries += Number(usesTry);
    // Where it was not reached no POST went out, so there is no attempt.
    if (word !== 'unreachable') this.attempted(held, outcome, typeof answer === 'string' ? null : answer.status, false);
    if (final) {
      this.end(held, word === 'delivered' ? 'COMPLETED' : 'FAILED', word === 'delivered' ? null : 'rejected');
    } else if (usesTry) {
      held.refusedSince = null;
      held.unconfirmed = word === 'timeout' && this.asks.has(held.message.channel);
      const exhausted = held.tries >= MAX_ATTEMPTS && !held.unconfirmed;
      this.again(held, exhausted ? 'exhausted' : undefined, backoff(held.tries));
    } else {
      this.refused(held, outcome);
    }
  }

  private attempted(held: Held, { word, error }: Outcome, statusCode: number | null, confirmed: boolean): void {
    const attempt = {
      number: held.attempts.length + 1, startedAt: text(this.now), durationMs: confirmed ? null : 0, outcome: word, statusCode, error,
      ...(confirmed && { confirmed }),
    };
    held.attempts.push(attempt as Held['attempts'][number]);
  }

  private refused(held: Held, { word, waitMs }: Outcome): void {
    held.refusedSince ??= this.now;
    held.refusals += 1;
    const givenUp = this.now - held.refusedSince >= PATIENCE;
    this.again(held, givenUp ? (word === 'throttled' ? 'throttled' : 'unreachable') : undefined, waitMs ?? Math.min(backoff(held.refusals), 60_000));
  }

  private again(held: Held, failedFor: Held['reason'] | undefined, waitMs: number): void {
    if (failedFor !== undefined) {
      this.end(held, 'FAILED', failedFor);
      return;
    }
    held.status = 'SCHEDULED';
    held.visibleAt = this.now + waitMs;
  }

  private makeDue(held: Held, moment: number): Held {
    return Object.assign(held, { due: moment, visibleAt: moment });
  }

  private end(held: Held, status: Status, reason: Held['reason']): Held {
    Object.assign(held, { status, reason, finishedAt: this.now });
    this.changed(held);
    return held;
  }

  private changed({ jobId, status }: Held): void {
    this.changes.push({ jobId, status, changedAt: text(this.now) });
  }

  /** A UUIDv7 of the clock's milliseconds and a running number, so that a test run repeats. */
  private newId(): string {
    const id = `${this.now.toString(16).padStart(12, '0')}70008${this.held.size.toString(16).padStart(15, '0')}`;
    return [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join('-');
  }
}

function before(one: Held, other: Held): boolean {
  return one.visibleAt !== other.visibleAt ? one.visibleAt < other.visibleAt : ORDER[one.message.priority] < ORDER[other.message.priority];
}

function campaignKey(workspaceId: string, campaignId: string): string {
  return `${workspaceId}\0${campaignId}`;
}
