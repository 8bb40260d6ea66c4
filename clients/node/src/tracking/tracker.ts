/**
 * What an application remembers of the messages it schedules.
 *
 * The order makes it safe: the message is written down under its idempotency key, then scheduled,
 * then its job id is recorded. An application that dies in between leaves a row without a job id,
 * which `reconcile` schedules under the same key: the service adds it once.
 */
import type { Change, Job, Status } from '../api.js';
import type { Message } from '../messages.js';
import type { ScheduleResult } from '../results.js';
import { each } from '../parallel.js';
import type { RowChanges, RowFilter, TrackedRow, TrackingStore } from './store.js';

const OPEN: readonly Status[] = ['SCHEDULED', 'PROCESSING'];
const FINAL: readonly Status[] = ['COMPLETED', 'FAILED', 'CANCELLED'];
const PAGE = 1_000;

/** What is known of a job: its status, since when (null where only the present is known), and what went wrong. */
export interface JobState {
  jobId: string;
  status: Status;
  at: Date | null;
  error: string | null;
}

/** What the service POSTs to the application's events URL, as far as tracking reads it. */
export interface TrackedEvent {
  jobId?: string | null;
  status?: string | null;
  timestamp: string | Date;
  error?: string | null;
}

/** How a tracker reads rows. */
export interface TrackerOptions<R extends TrackedRow> {
  /** The message of a row, with `queueKey` as its key; by default what is in the row's `message`. */
  toMessage?: (row: R) => Message;
}

/** Remembers messages by their idempotency key in a `TrackingStore`. */
export class Tracker<R extends TrackedRow = TrackedRow> {
  constructor(
    private readonly store: TrackingStore,
    private readonly options: TrackerOptions<R> = {},
  ) {}

  /**
   * Writes messages down and resolves to them, each with a key and its instant, to be scheduled as
   * they are now. A key that is there keeps its row, unless the service had refused it. Rejects for a
   * key that another workspace's message has.
   */
  async plan(messages: Iterable<Message>, now: Date): Promise<Message[]> {
    const planned = [...messages].map((message): Message => {
      const { delay, scheduledFor, ...rest } = message;
      const due = scheduledFor ? new Date(scheduledFor) : new Date(now.getTime() + (delay ?? 0));
      return { ...rest, scheduledFor: due, idempotencyKey: message.idempotencyKey || crypto.randomUUID() } as Message;
    });
    for (let start = 0; start < planned.length; start += PAGE) {
      const some = planned.slice(start, start + PAGE);
      try {
        await this.insert(some);
      } catch {
        await this.insert(some); // another process wrote some of these keys meanwhile; now they are seen
      }
    }
    return planned;
  }

  /**
   * Keeps the job ids of those that were scheduled; those whose members the service refused are
   * FAILED; any other stays open, its error noted.
   */
  async record(...results: readonly ScheduleResult[]): Promise<void> {
    await each(results, async (result) => {
      if (result.idempotencyKey === undefined) return;
      const queueKeys = [result.idempotencyKey];
      const queueError = result.error ?? null;
      if (result.success && result.jobId !== undefined) {
        const fresh: RowChanges = { queueJobId: result.jobId, queueStatus: 'SCHEDULED', queueError: null, queueChangedAt: null };
        await this.store.update({ queueKeys, otherJobThan: result.jobId }, fresh);
      } else if (result.faults?.length) {
        await this.store.update({ queueKeys, queueJobId: null }, { queueStatus: 'FAILED', queueError });
      } else {
        await this.store.update({ queueKeys, queueJobId: null }, { queueError });
      }
    });
  }

  /**
   * Takes over each state that is newer than the one kept, and resolves to how many. A state with an
   * instant replaces an older one, final or not; one without replaces only that of an open message.
   * So repeats and late comers change nothing, and a final state opens again only for a retry after it.
   */
  async apply(states: Iterable<JobState>): Promise<number> {
    let changed = 0;
    await each(states, async ({ jobId, status, at, error }) => {
      const to: RowChanges = { queueStatus: status, queueError: error };
      const count =
        at === null
          ? await this.store.update({ queueJobId: jobId, queueStatuses: OPEN.filter((open) => open !== status) }, to)
          : await this.store.update({ queueJobId: jobId, changedBefore: at }, { ...to, queueChangedAt: at });
      changed += count; // read after the wait, as others add meanwhile
    });
    return changed;
  }

  /** Takes over what an event says of a job; whether that changed anything. Other events are passed over. */
  async applyEvent(event: TrackedEvent): Promise<boolean> {
    const status = (event.status ?? '').toUpperCase() as Status;
    if (!event.jobId || ![...OPEN, ...FINAL].includes(status)) return false;
    const state = { jobId: event.jobId, status, at: new Date(event.timestamp), error: event.error ?? null };
    return (await this.apply([state])) > 0;
  }

  /** The open messages, 1,000 at a time, those due first first: all, those due before an instant, or those without a job. */
  async *open(of: { dueBefore?: Date; unrecorded?: boolean } = {}): AsyncGenerator<TrackedRow[]> {
    const filter: RowFilter = {
      queueStatuses: OPEN,
      ...(of.dueBefore && { dueBefore: of.dueBefore }),
      ...(of.unrecorded && { queueJobId: null }),
    };
    let page = await this.store.find(filter, PAGE);
    while (page.length) {
      yield page;
      const { scheduledFor, queueKey } = page.at(-1) as TrackedRow;
      page = await this.store.find({ ...filter, after: { scheduledFor, queueKey } }, PAGE);
    }
  }

  /** The messages of these keys, to be scheduled again under them for the same instants. */
  async messages(queueKeys: readonly string[]): Promise<Message[]> {
    const rows = queueKeys.length ? await this.store.find({ queueKeys }, queueKeys.length) : [];
    const toMessage = this.options.toMessage ?? asWritten;
    return (rows as R[]).map((row) => ({ ...toMessage(row), scheduledFor: row.scheduledFor, idempotencyKey: row.queueKey }));
  }

  /** Ends messages that nothing will come of. */
  async fail(queueKeys: readonly string[], error: string, now: Date): Promise<void> {
    if (!queueKeys.length) return;
    await this.store.update({ queueKeys, queueStatuses: OPEN }, { queueStatus: 'FAILED', queueError: error, queueChangedAt: now });
  }

  /** How far the service's changes were read, null before the first time; `feed` is a workspace, or "" for all. */
  cursor(feed: string): Promise<string | null> {
    return this.store.cursor(feed);
  }

  async keepCursor(feed: string, cursor: string): Promise<void> {
    await this.store.keepCursor(feed, cursor);
  }

  private async insert(messages: readonly Message[]): Promise<void> {
    const rows = new Map(messages.map((message) => [message.idempotencyKey as string, rowOf(message)]));
    for (const there of await this.store.find({ queueKeys: [...rows.keys()] }, rows.size)) {
      const mine = rows.get(there.queueKey) as TrackedRow;
      rows.delete(there.queueKey);
      const [own, other] = [workspaceOf(mine), workspaceOf(there)];
      if (own !== other) throw new TypeError(`the key '${there.queueKey}' is a message of workspace '${other}'; begin keys with the workspace`);
      if (there.queueJobId === null && there.queueStatus === 'FAILED') {
        const { queueKey: _, ...again } = mine;
        await this.store.update({ queueKeys: [there.queueKey], queueJobId: null, queueStatuses: ['FAILED'] }, again);
      }
    }
    if (rows.size) await this.store.insert([...rows.values()]);
  }
}

/** The state that a job is in. */
export function stateOfJob(job: Job): JobState {
  const at = FINAL.includes(job.status) && job.finishedAt ? new Date(job.finishedAt) : null;
  return { jobId: job.jobId, status: job.status, at, error: job.error ?? job.reason };
}

/** The state that a change tells of. */
export function stateOfChange(change: Change, error: string | null): JobState {
  return { jobId: change.jobId, status: change.status, at: new Date(change.changedAt), error };
}

/** Whether nothing more happens to a job of that status, unless it is retried by request. */
export function isFinal(status: Status): boolean {
  return FINAL.includes(status);
}

function rowOf(message: Message): TrackedRow {
  const { scheduledFor, ...rest } = message;
  return {
    queueKey: message.idempotencyKey as string,
    queueJobId: null,
    queueStatus: 'SCHEDULED',
    queueError: null,
    queueChangedAt: null,
    scheduledFor: scheduledFor as Date,
    message: JSON.stringify(rest),
  };
}

function asWritten(row: TrackedRow): Message {
  return JSON.parse(row.message) as Message;
}

function workspaceOf(row: TrackedRow): string {
  return String(asWritten(row).workspaceId);
}
