/** The service layer of an application: schedules messages and asks and steers what became of them. */
import {
  callOf,
  type Answer,
  type CallName,
  type Changes,
  type Forecast,
  type Given,
  type Job,
  type JobFilters,
  type JobPage,
  type JobStatus,
  type Metrics,
  type Statuses,
  type Workspace,
  type WorkspaceChanges,
  type WorkspaceMetrics,
  type WorkspacePage,
  type Query,
} from './api.js';
import { scheduleEntries, type Entries, type OnProgress } from './bulk.js';
import { exchange, JSON_TYPE, Retries, type Caller, type Lost, type Outgoing, type Reply, type RetryOptions } from './call.js';
import { dueMembers, messageBody, type Channel, type Delay, type EmailData, type Message, type SmsData } from './messages.js';
import { counted, failed, type ScheduledMany, type ScheduleResult } from './results.js';
import { connection, type Connection } from './settings.js';
import { transmit, type Fetch } from './transport.js';

const IDS_A_REQUEST = 1_000;
const JOBS_A_PAGE = 200;

/** How a QueueService reaches the service. */
export interface ServiceOptions {
  /** Default: `QUEUE_SERVICES_URL`, else http://127.0.0.1:3000. May carry the key: `https://any:KEY@host`. */
  baseUrl?: string;
  /** Default: `QUEUE_SERVICES_KEY`. */
  key?: string;
  /** How long one try may take; 10,000 by default. */
  timeoutMs?: number;
  retries?: RetryOptions;
  /** For tests: the time, the wait and the transport. */
  now?: () => Date;
  sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<unknown>;
  fetch?: Fetch;
}

/**
 * Queue Services as an application sees it. The schedule calls resolve to a `ScheduleResult`
 * whatever happens and never reject; every other call rejects with a `QueueServiceError`.
 * Throws ValidationFailed for a base URL that is not http(s).
 *
 * @example
 * const service = new QueueService({ baseUrl: 'https://queue.example', key: 'KEY' });
 * const result = await service.scheduleEmail({ to, subject, html, contactId, workspaceId }, 60_000);
 */
export class QueueService implements Caller {
  readonly retries: Retries;
  private readonly connection: Connection;
  private readonly options: ServiceOptions;

  /** `options` are all of them, or the base URL alone with the key after it. */
  constructor(options: ServiceOptions | string = {}, key?: string) {
    this.options = typeof options === 'string' ? { baseUrl: options, ...(key && { key }) } : options;
    this.retries = new Retries(this.options.retries);
    this.connection = connection(this.options.baseUrl, this.options.key);
  }

  /** Schedule an email, now or after `delay`, which comes before the data's own. Never rejects. */
  scheduleEmail(data: EmailData, delay?: Delay | null): Promise<ScheduleResult> {
    return this.schedule('email', data, delay);
  }

  /** Schedule an SMS, now or after `delay`, which comes before the data's own. Never rejects. */
  scheduleSms(data: SmsData, delay?: Delay | null): Promise<ScheduleResult> {
    return this.schedule('sms', data, delay);
  }

  /** Schedule a message of either channel. Never rejects. */
  scheduleMessage(message: Message, delay?: Delay | null): Promise<ScheduleResult> {
    return this.schedule(message?.channel === 'sms' ? 'sms' : 'email', message, delay);
  }

  /**
   * Schedule any number of messages in bulk, and yield what became of each, in order. Nothing is
   * sent unless it is read; a message that is refused is a result like the others.
   */
  scheduleEach(messages: Entries, { onProgress }: { onProgress?: OnProgress } = {}): AsyncGenerator<ScheduleResult> {
    return scheduleEntries(this, messages, onProgress);
  }

  /** Schedule any number of messages in bulk; see `scheduleEach`. */
  async scheduleMany(messages: Entries, options: { onProgress?: OnProgress } = {}): Promise<ScheduledMany> {
    const results: ScheduleResult[] = [];
    for await (const result of this.scheduleEach(messages, options)) results.push(result);
    return { ...counted(results), results };
  }

  /** The job with its attempts. Rejects with NotFound for one that does not exist or is another workspace's. */
  status(jobId: string): Promise<JobStatus> {
    return this.call('GET /api/job-status/{jobId}', { path: { jobId } });
  }

  /** The jobs of any number of ids, 1,000 a request, without attempts; ids not known come back in `unknown`. */
  async statuses(jobIds: Iterable<string>): Promise<Statuses> {
    const ids = [...jobIds];
    const found: Statuses = { jobs: [], unknown: [] };
    for (let start = 0; start < ids.length; start += IDS_A_REQUEST) {
      const some = await this.call('POST /api/job-status', { body: { jobIds: ids.slice(start, start + IDS_A_REQUEST) } }, true);
      found.jobs.push(...some.jobs);
      found.unknown.push(...some.unknown);
    }
    return found;
  }

  /** Cancel a SCHEDULED job. Rejects with Conflict once it is being sent or has ended. */
  async cancel(jobId: string): Promise<Job> {
    return (await this.call('POST /api/cancel-job/{jobId}', { path: { jobId } })).job;
  }

  /** Schedule a FAILED or CANCELLED job again, now, with all its tries. Rejects with Conflict otherwise. */
  async retry(jobId: string): Promise<Job> {
    return (await this.call('POST /api/retry-job/{jobId}', { path: { jobId } })).job;
  }

  /** Make a SCHEDULED job due now. Rejects with Conflict otherwise. */
  async promote(jobId: string): Promise<Job> {
    return (await this.call('POST /api/promote-job/{jobId}', { path: { jobId } })).job;
  }

  /** Make a SCHEDULED job due after `delay` from now, or at that instant. Rejects with Conflict otherwise. */
  async reschedule(jobId: string, delay: Delay): Promise<Job> {
    const body = dueMembers(delay) as { delay: number };
    return (await this.call('POST /api/reschedule-job/{jobId}', { path: { jobId }, body }, true)).job;
  }

  /** All jobs that match every filter given, newest first, asked for page by page as they are read. */
  async *jobs(filters: JobFilters = {}): AsyncGenerator<Job> {
    let cursor: string | null | undefined;
    do {
      const page: JobPage = await this.jobPage({ ...filters, limit: JOBS_A_PAGE, ...(cursor ? { cursor } : {}) });
      yield* page.jobs;
      cursor = page.nextCursor;
    } while (cursor);
  }

  /** One page of `jobs`: at most `limit` (200), from the `nextCursor` of the page before. */
  jobPage(query: Query<'GET /api/jobs'> = {}): Promise<JobPage> {
    return this.call('GET /api/jobs', { query });
  }

  /** What ended or was retried since the cursor `after`, the newest change of a job alone; none is skipped. */
  changes(query: Query<'GET /api/changes'> = {}): Promise<Changes> {
    return this.call('GET /api/changes', { query });
  }

  /** When `count` more messages, due at `scheduledFor` (now by default), would start and finish. */
  async forecast(asked: { workspaceId: string; channel: Channel; count: number; scheduledFor?: Date | string }): Promise<Forecast> {
    const { scheduledFor, ...rest } = asked;
    const body = scheduledFor === undefined ? rest : { ...rest, scheduledFor: new Date(scheduledFor).toISOString() };
    return this.call('POST /api/forecast', { body }, true);
  }

  /** The service's figures since they were last reset. */
  metrics(): Promise<Metrics> {
    return this.call('GET /api/metrics', {});
  }

  /** A workspace's figures, limits and newest exceedances; zeros for one the service has not seen. */
  workspaceMetrics(workspaceId: string): Promise<WorkspaceMetrics> {
    return this.call('GET /api/metrics/workspace/{workspaceId}', { path: { workspaceId } });
  }

  /** Count from zero again: of one channel or both, of one workspace or everywhere. */
  async resetMetrics(of: { channel?: Channel; workspaceId?: string } = {}): Promise<void> {
    const body = { ...(of.channel && { type: of.channel }), ...(of.workspaceId && { workspaceId: of.workspaceId }) };
    await this.call('POST /api/metrics/reset', { body }, true);
  }

  /** A workspace's settings. */
  workspace(workspaceId: string): Promise<Workspace> {
    return this.call('GET /api/workspaces/{workspaceId}', { path: { workspaceId } });
  }

  /** One page of the workspaces the service has seen, the busiest first by `sort`. */
  workspacePage(query: Query<'GET /api/workspaces'> = {}): Promise<WorkspacePage> {
    return this.call('GET /api/workspaces', { query });
  }

  /** Change the settings given and leave the others; null clears one. Limits are messages a second. */
  changeWorkspace(workspaceId: string, changes: WorkspaceChanges): Promise<Workspace> {
    return this.call('PUT /api/workspaces/{workspaceId}', { path: { workspaceId }, body: changes });
  }

  /**
   * Any call of the API by its method and path, typed by /openapi.json. `repeatable`: sending it
   * twice does what sending it once does, so a lost answer may be asked for again (true by default
   * for GET, PUT and DELETE). Rejects with a QueueServiceError.
   */
  async call<C extends CallName>(name: C, given: Given<C>, repeatable?: boolean): Promise<Answer<C>> {
    return exchange(callOf(name, given, repeatable), this);
  }

  /** What time it is at the service, by whose clock messages fall due. */
  async serviceTime(): Promise<Date> {
    return new Date((await this.call('GET /health', {})).timestamp);
  }

  /** The time that delays count from. */
  now(): Date {
    return this.options.now?.() ?? new Date();
  }

  /** Waits between two tries; less where `signal` is aborted meanwhile. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<unknown> {
    return (this.options.sleep ?? wait)(milliseconds, signal);
  }

  /** One request, once. Replaced by the fake in `queue-services/testing`. */
  send(request: Outgoing): Promise<Reply | Lost> {
    return transmit(request, this.connection, this.options.timeoutMs ?? 10_000, this.options.fetch ?? fetch);
  }

  private async schedule(channel: Channel, data: SmsData | EmailData, delay?: Delay | null): Promise<ScheduleResult> {
    let key: string | undefined;
    try {
      const { channel: _, ...body } = messageBody(data, delay);
      key = data.idempotencyKey || crypto.randomUUID();
      const call = {
        method: 'POST',
        path: `/api/schedule-${channel}`,
        query: {},
        body: JSON.stringify({ ...body, idempotencyKey: key }),
        contentType: JSON_TYPE,
        repeatable: true,
        read: readScheduled,
      };
      return { ...(await exchange(call, this)), idempotencyKey: key };
    } catch (error) {
      return failed(error, key);
    }
  }
}

function wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(end, milliseconds);
    function end(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    }
    signal?.addEventListener('abort', end);
  });
}

function readScheduled(body: string): ScheduleResult {
  const { jobId, replayed, scheduledFor } = JSON.parse(body) as Answer<'POST /api/schedule-sms'>;
  if (typeof jobId !== 'string') throw new Error('it has no jobId');
  return { success: true, jobId, scheduledFor, ...(replayed === true && { replayed }) };
}
