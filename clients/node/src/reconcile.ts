/**
 * Brings what the application remembers in line with what the service knows.
 *
 * What changed is read from the service's feed of changes, so that a reconciliation costs what
 * changed. Beyond that only those messages are asked for that should have ended long since, and, the
 * first time or on request, all that are open. What the service does not know is scheduled again
 * under its idempotency key, so that running this twice, or beside the application, doubles nothing.
 */
import type { Change } from './api.js';
import { QueueServiceError, Unavailable } from './errors.js';
import type { QueueService } from './service.js';
import type { TrackedRow } from './tracking/store.js';
import { isFinal, stateOfChange, stateOfJob, type JobState, type Tracker } from './tracking/tracker.js';

const LATE_AFTER = 10 * 60_000;
const RESCHEDULE_WITHIN = 3 * 86_400_000;
const LATE_LISTED = 1_000;
const TOO_LATE = 'the service does not know this message, and it is too late to send it now';

/** How a reconciliation is done. */
export interface ReconcileOptions {
  /** What is late or too old to be sent goes by it; the service's time by default. */
  now?: Date;
  /** Limits the feed to one workspace, for a key that sees no other. */
  workspaceId?: string;
  /** Asks for every open message, which finds jobs that a service restored from a backup lost. */
  full?: boolean;
  /** A message due so long ago should have ended; 10 minutes by default. */
  lateAfterMs?: number;
  /**
   * A message that was due longer ago is not sent any more; 3 days by default. Keep it below the
   * time the service keeps ended jobs (30 days), or one that ended unseen is sent twice.
   */
  rescheduleWithinMs?: number;
}

/** What was done: counts of messages. */
export interface Reconciliation {
  /** Read from the feed. */
  changes: number;
  /** Asked for by id. */
  asked: number;
  /** Had another state here. */
  corrected: number;
  /** Not known to the service, and scheduled again. */
  rescheduled: number;
  /** Not accepted when scheduled again. */
  refused: number;
  /** Due too long ago to be sent now, and FAILED. */
  abandoned: number;
  /** Due long since and not sent; `late` has the first 1,000. */
  lateCount: number;
  late: TrackedRow[];
}

/**
 * Corrects what `tracker` has of its open messages, and schedules those the service does not know.
 * Rejects with a QueueServiceError when the service does not answer; what was done until then stays,
 * and the next time goes on.
 */
export async function reconcile(tracker: Tracker<any>, service: QueueService, options: ReconcileOptions = {}): Promise<Reconciliation> {
  const run = new Run(tracker, service, options.now ?? (await timeOf(service)), options);
  const feed = options.workspaceId ?? '';
  const first = (await tracker.cursor(feed)) === null;
  await run.scheduleUnrecorded();
  await run.followChanges(feed, options.workspaceId);
  await run.askForOpen(options.full === true || first);
  return run.report;
}

/** The service's time; this machine's where a proxy passes the API's paths alone. */
async function timeOf(service: QueueService): Promise<Date> {
  try {
    return await service.serviceTime();
  } catch (error) {
    if (!(error instanceof QueueServiceError) || error.status === undefined || error.status >= 500) throw error;
    return service.now();
  }
}

/** When a reconciliation is repeated. */
export interface ReconcileEveryOptions extends Omit<ReconcileOptions, 'now' | 'full'> {
  signal?: AbortSignal;
  onReport?: (report: Reconciliation) => unknown;
  /** Called with what goes wrong; console.error by default. */
  onError?: (error: unknown) => unknown;
}

/** Reconciles, waits, and so on until `signal` is aborted. A service or database that is away is waited out. */
export async function reconcileEvery(
  intervalMs: number,
  tracker: Tracker<any>,
  service: QueueService,
  { signal, onReport, onError = console.error, ...options }: ReconcileEveryOptions = {},
): Promise<void> {
  while (!signal?.aborted) {
    try {
      const report = await reconcile(tracker, service, options);
      await onReport?.(report);
    } catch (error) {
      onError(error);
    }
    await service.sleep(intervalMs, signal);
  }
}

/** One reconciliation, as steps that add to its report. */
class Run {
  readonly report: Reconciliation = {
    changes: 0, asked: 0, corrected: 0, rescheduled: 0, refused: 0, abandoned: 0, lateCount: 0, late: [],
  };
  private readonly lateBefore: Date;
  private readonly giveUpBefore: Date;

  constructor(
    private readonly tracker: Tracker<any>,
    private readonly service: QueueService,
    private readonly now: Date,
    { lateAfterMs = LATE_AFTER, rescheduleWithinMs = RESCHEDULE_WITHIN }: ReconcileOptions,
  ) {
    this.lateBefore = new Date(now.getTime() - lateAfterMs);
    this.giveUpBefore = new Date(now.getTime() - rescheduleWithinMs);
  }

  /** Reads the feed to its end. The cursor moves after its changes are kept: a crash between repeats and never skips. */
  async followChanges(feed: string, workspaceId: string | undefined): Promise<void> {
    let cursor = await this.tracker.cursor(feed);
    for (;;) {
      const page = await this.service.changes({ ...(workspaceId && { workspaceId }), ...(cursor !== null && { after: cursor }) });
      this.report.changes += page.changes.length;
      this.report.corrected += await this.tracker.apply(await this.states(page.changes));
      if (page.cursor !== cursor) {
        cursor = page.cursor;
        await this.tracker.keepCursor(feed, cursor);
      }
      if (!page.changes.length) return;
    }
  }

  /** Schedules what was written down and never recorded, then asks how those are that the service had after all. */
  async scheduleUnrecorded(): Promise<void> {
    for await (const page of this.tracker.open({ unrecorded: true })) await this.ask(await this.reschedule(page));
  }

  /** Asks for the open messages (or those that should have ended) and schedules those the service does not know. */
  async askForOpen(everything: boolean): Promise<void> {
    for await (const page of this.tracker.open(everything ? {} : { dueBefore: this.lateBefore })) {
      const byJob = new Map(page.flatMap((row) => (row.queueJobId === null ? [] : [[row.queueJobId, row] as const])));
      const { open, unknown } = await this.ask([...byJob.keys()]);
      await this.reschedule(unknown.map((jobId) => byJob.get(jobId) as TrackedRow));
      const late = open.map((jobId) => byJob.get(jobId) as TrackedRow).filter((row) => row.scheduledFor < this.lateBefore);
      this.report.lateCount += late.length;
      this.report.late.push(...late.slice(0, LATE_LISTED - this.report.late.length));
    }
  }

  /** Takes over the states of jobs; those still open, and those unknown to the service. */
  private async ask(jobIds: readonly string[]): Promise<{ open: string[]; unknown: readonly string[] }> {
    if (!jobIds.length) return { open: [], unknown: [] };
    const { jobs, unknown } = await this.service.statuses(jobIds);
    this.report.asked += jobIds.length;
    this.report.corrected += await this.tracker.apply(jobs.map(stateOfJob));
    return { open: jobs.filter((job) => !isFinal(job.status)).map((job) => job.jobId), unknown };
  }

  /** Schedules messages again under their keys; the ids of those that the service had already. */
  private async reschedule(lost: readonly TrackedRow[]): Promise<string[]> {
    const stale = lost.filter((row) => row.scheduledFor < this.giveUpBefore).map((row) => row.queueKey);
    await this.tracker.fail(stale, TOO_LATE, this.now);
    this.report.abandoned += stale.length;
    const fresh = lost.filter((row) => row.scheduledFor >= this.giveUpBefore).map((row) => row.queueKey);
    if (!fresh.length) return [];
    const { results } = await this.service.scheduleMany(await this.tracker.messages(fresh));
    await this.tracker.record(...results);
    for (const result of results) {
      if (result.unavailable) throw new Unavailable(result.error ?? 'the service did not answer');
      if (result.faults?.length) await this.tracker.fail([result.idempotencyKey ?? ''], result.error ?? 'refused', this.now);
    }
    this.report.rescheduled += results.filter((result) => result.success && !result.replayed).length;
    this.report.refused += results.filter((result) => !result.success).length;
    return results.flatMap((result) => (result.replayed && result.jobId ? [result.jobId] : []));
  }

  /** The states in `changes`, with the errors of those that failed, which the feed does not hold. */
  private async states(changes: readonly Change[]): Promise<JobState[]> {
    const bad = changes.filter(({ status }) => status === 'FAILED' || status === 'CANCELLED').map(({ jobId }) => jobId);
    const jobs = bad.length ? (await this.service.statuses(bad)).jobs : [];
    const errors = new Map(jobs.filter((job) => isFinal(job.status)).map((job) => [job.jobId, job.error ?? job.reason]));
    return changes.map((change) => stateOfChange(change, errors.get(change.jobId) ?? null));
  }
}
