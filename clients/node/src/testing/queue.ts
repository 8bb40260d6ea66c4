/**
 * The fake service's messages and what may be done with them, in memory. Time is the clock's alone.
 * Limits, send windows and holds of a whole workspace are left out: each message goes out when it is due.
 */
import type { CampaignProgress, Change, Status } from '../api.js';
import { Conflict, NotFound } from '../errors.js';
import type { QueueClock } from './clock.js';
import { MAX_ATTEMPTS, text, type Held } from './held.js';
import { fingerprint, type Accepted } from './intake.js';
import { backoff, outcomeOf, type Settled } from './outcome.js';

/** How long a message may be unreachable or throttled before it fails. */
const PATIENCE = 24 * 3_600_000;
const ORDER = { high: 0, normal: 1, low: 2 };
const STATUSES: readonly Status[] = ['SCHEDULED', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED'];

/** Every message that was accepted, in order, and the campaigns that are paused. */
export class FakeQueue {
  readonly held = new Map<string, Held>();
  readonly changes: Change[] = [];
  private readonly keys = new Map<string, Held>();
  private readonly paused = new Set<string>();

  constructor(readonly clock: QueueClock) {}

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
    Object.assign(held, { status: 'SCHEDULED', reason: null, finishedAt: null, tries: 0, refusedSince: null, refusals: 0 });
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

  /** Record what came of a delivery. */
  settle(held: Held, answer: Settled): void {
    const { word, error, usesTry, waitMs } = outcomeOf(answer);
    held.error = error;
    held.tries += Number(usesTry);
    if (word !== 'unreachable') {
      const statusCode = typeof answer === 'string' ? null : answer.status;
      const attempt = { number: held.attempts.length + 1, startedAt: text(this.now), durationMs: 0, outcome: word, statusCode, error };
      held.attempts.push(attempt as Held['attempts'][number]);
    }
    if (word === 'delivered') this.end(held, 'COMPLETED', null);
    else if (word === 'rejected') this.end(held, 'FAILED', 'rejected');
    else if (usesTry) {
      held.refusedSince = null;
      this.again(held, held.tries >= MAX_ATTEMPTS ? 'exhausted' : undefined, backoff(held.tries));
    } else {
      held.refusedSince ??= this.now;
      held.refusals += 1;
      const givenUp = this.now - held.refusedSince >= PATIENCE;
      this.again(held, givenUp ? (word === 'throttled' ? 'throttled' : 'unreachable') : undefined, waitMs ?? Math.min(backoff(held.refusals), 60_000));
    }
  }

  /** Give back a message whose delivery did not happen. */
  release(held: Held): void {
    held.status = 'SCHEDULED';
  }

  /** How far a campaign is. Throws NotFound before its first message. */
  campaign(workspaceId: string, campaignId: string): CampaignProgress {
    const held = this.of(workspaceId, campaignId);
    if (!held.length) throw new NotFound(`There is no campaign '${campaignId}'.`);
    const open = held.filter((one) => one.status === 'SCHEDULED').map((one) => one.visibleAt);
    const paused = this.paused.has(campaignKey(workspaceId, campaignId));
    const progress: Partial<CampaignProgress> = {
      success: true,
      campaignId,
      workspaceId,
      state: paused ? 'paused' : 'active',
      counts: Object.fromEntries(STATUSES.map((status) => [status, held.filter((one) => one.status === status).length])) as unknown as CampaignProgress['counts'],
      firstScheduledFor: text(Math.min(...held.map((one) => one.due))),
      lastScheduledFor: text(Math.max(...held.map((one) => one.due))),
      estimatedEnd: paused || !open.length ? null : text(Math.max(...open)),
    };
    return progress as CampaignProgress;
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
