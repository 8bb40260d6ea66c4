// Generated from openapi.json by scripts/generate.mjs; do not edit.
/**
 * The types of the API, as /openapi.json describes them.
 * @packageDocumentation
 */

/** Any JSON, whose texts hold no NUL. */
export type Value = unknown;

/** What comes back with the callback; the service reads the members named here. */
export interface Metadata {
  /** a path of the application, such as /send-sms; no dot segment, percent-encoded or not */
  callbackEndpoint?: string | null;
  /** text or an integer names the campaign */
  campaignId?: Value;
  messageId?: Value;
  source?: Value;
  [name: string]: unknown;
}

/** `to` is read in place of `phoneNumber`; where both are given they must be the same. */
export interface SmsBody {
  /** text of 1-255 characters */
  contactId: string;
  /** text of 1-255 characters, or an integer of as many digits */
  workspaceId: string | number;
  /** a finite number of milliseconds, 0 to 34,560,000,000 (400 days) */
  delay?: number | null;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  scheduledFor?: string | null;
  /** an object of at most 16 KiB */
  metadata?: Metadata | null;
  /** `high`, `normal` or `low` */
  priority?: 'high' | 'low' | 'normal' | null;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  expiresAt?: string | null;
  /** text of 1-255 characters */
  idempotencyKey?: string | null;
  /** 3-32 of digits, `+ ( ) - .` and space, with a digit among them */
  phoneNumber?: string | null;
  /** 3-32 of digits, `+ ( ) - .` and space, with a digit among them */
  to?: string | null;
  /** text that is not empty */
  message: string;
  /** an http or https URL with a host */
  mediaUrl?: string | null;
  [name: string]: unknown;
}

/** An email. */
export interface EmailBody {
  /** text of 1-255 characters */
  contactId: string;
  /** text of 1-255 characters, or an integer of as many digits */
  workspaceId: string | number;
  /** a finite number of milliseconds, 0 to 34,560,000,000 (400 days) */
  delay?: number | null;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  scheduledFor?: string | null;
  /** an object of at most 16 KiB */
  metadata?: Metadata | null;
  /** `high`, `normal` or `low` */
  priority?: 'high' | 'low' | 'normal' | null;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  expiresAt?: string | null;
  /** text of 1-255 characters */
  idempotencyKey?: string | null;
  /** an email address; one with letters outside ASCII (RFC 6531) is taken, too */
  to: string;
  /** text that is not empty */
  subject: string;
  /** text that is not empty */
  html: string;
  [name: string]: unknown;
}

/** Messages of both channels; each is told by its `channel`. */
export interface BatchBody {
  /** a list of at most 10,000 messages */
  messages: Array<SmsElement | EmailElement>;
}

/** An SMS in a batch. */
export interface SmsElement {
  channel: 'sms';
  /** text of 1-255 characters */
  contactId: string;
  /** text of 1-255 characters, or an integer of as many digits */
  workspaceId: string | number;
  /** a finite number of milliseconds, 0 to 34,560,000,000 (400 days) */
  delay?: number | null;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  scheduledFor?: string | null;
  /** an object of at most 16 KiB */
  metadata?: Metadata | null;
  /** `high`, `normal` or `low` */
  priority?: 'high' | 'low' | 'normal' | null;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  expiresAt?: string | null;
  /** text of 1-255 characters */
  idempotencyKey?: string | null;
  /** 3-32 of digits, `+ ( ) - .` and space, with a digit among them */
  phoneNumber?: string | null;
  /** 3-32 of digits, `+ ( ) - .` and space, with a digit among them */
  to?: string | null;
  /** text that is not empty */
  message: string;
  /** an http or https URL with a host */
  mediaUrl?: string | null;
}

/** An email in a batch. */
export interface EmailElement {
  channel: 'email';
  /** text of 1-255 characters */
  contactId: string;
  /** text of 1-255 characters, or an integer of as many digits */
  workspaceId: string | number;
  /** a finite number of milliseconds, 0 to 34,560,000,000 (400 days) */
  delay?: number | null;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  scheduledFor?: string | null;
  /** an object of at most 16 KiB */
  metadata?: Metadata | null;
  /** `high`, `normal` or `low` */
  priority?: 'high' | 'low' | 'normal' | null;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  expiresAt?: string | null;
  /** text of 1-255 characters */
  idempotencyKey?: string | null;
  /** an email address; one with letters outside ASCII (RFC 6531) is taken, too */
  to: string;
  /** text that is not empty */
  subject: string;
  /** text that is not empty */
  html: string;
}

/** The jobs asked for. */
export interface JobIdsBody {
  /** a list of at most 1,000 job ids */
  jobIds: string[];
}

/** A body without members, which may as well be left out. */
export type NoMembers = Record<string, never>;

/** One of the two, or both at most a second apart. */
export interface RescheduleBody {
  /** a finite number of milliseconds, 0 to 34,560,000,000 (400 days) */
  delay?: number | null;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  scheduledFor?: string | null;
}

/** When a pause ends by itself, and why it was made; both may be left out. */
export interface PauseBody {
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  until?: string | null;
  /** text of 1-255 characters, or null */
  reason?: string | null;
}

/** How far to move. */
export interface ShiftBody {
  /** a finite number of milliseconds, at most 400 days either way; negative for earlier */
  delay: number;
}

/** How many more messages of whom are meant, due at `scheduledFor`: now where it is not said. */
export interface ForecastBody {
  /** text of 1-255 characters, or an integer of as many digits */
  workspaceId: string | number;
  /** `sms` or `email` */
  channel: 'email' | 'sms';
  /** a whole number, 1-100,000,000 */
  count: number;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  scheduledFor?: string | null;
}

/** What to count anew: one channel or both, one workspace or the service and every workspace. */
export interface ResetBody {
  /** `sms` or `email` */
  type?: 'email' | 'sms' | null;
  /** text of 1-255 characters, or an integer of as many digits */
  workspaceId?: string | number | null;
}

/** What to change of a workspace: what is not given stays, null clears. */
export interface WorkspaceBody {
  /** the name of a tier, or null */
  tier?: string | null;
  /** an IANA time zone such as "Europe/Berlin", or null */
  timezone?: string | null;
  /** an object with `sms`, `email` or both; or null */
  limits?: LimitsBody | null;
  /** an object with `sms`, `email` or both; or null */
  callbackBaseUrls?: BaseUrlsBody | null;
  /** an object with `sms`, `email` or both; or null */
  paused?: PausedBody | null;
  /** an object with `sms`, `email` or both; or null */
  pausedUntil?: MomentsBody | null;
  /** an object with `sms`, `email` or both; or null */
  pausedReason?: ReasonsBody | null;
  /** an object with `sms`, `email` or both; or null */
  limitsUntil?: MomentsBody | null;
  /** an object with `sms`, `email` or both; or null */
  limitsReason?: ReasonsBody | null;
  /** an http or https URL of at most 2,000 characters; or null */
  eventsUrl?: string | null;
  /** whsec_ followed by the base64 of 24 to 64 random bytes; or null */
  signingSecret?: string | null;
  /** an object with `start`, `end` and `days`; or null */
  sendWindow?: WindowBody | null;
}

/** Messages a second by channel: a whole number, or below 1; null falls back. */
export interface LimitsBody {
  /** a whole number of messages a second, or a number below 1; or null */
  sms?: number | null;
  /** a whole number of messages a second, or a number below 1; or null */
  email?: number | null;
}

/** Where callbacks of each channel go, in place of the service's own; null falls back. */
export interface BaseUrlsBody {
  /** an http or https URL of at most 2,000 characters; or null */
  sms?: string | null;
  /** an http or https URL of at most 2,000 characters; or null */
  email?: string | null;
}

/** Which channels are paused. */
export interface PausedBody {
  /** true, false or null */
  sms?: boolean | null;
  /** true, false or null */
  email?: boolean | null;
}

/** By channel, when a pause or a limit ends; null: it does not. */
export interface MomentsBody {
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  sms?: string | null;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  email?: string | null;
}

/** By channel, why a pause or a limit was set. */
export interface ReasonsBody {
  /** text of 1-255 characters, or null */
  sms?: string | null;
  /** text of 1-255 characters, or null */
  email?: string | null;
}

/** From `start` to `end` in the workspace's zone; an `end` at or before `start` is on     the next day. `days` are those of the opening, 1 = Monday. */
export interface WindowBody {
  /** a time of day as "HH:MM" */
  start: string;
  /** a time of day as "HH:MM" */
  end: string;
  /** a list of days of the week, 1 (Monday) to 7 (Sunday) */
  days?: number[];
}

/** Of which channel to lift the hold; of both where it is not said. */
export interface LiftBody {
  /** `sms` or `email` */
  channel?: 'email' | 'sms' | null;
}

/** What to change of a tier, or to make it of: what is not given stays, null clears. */
export interface TierBody {
  /** an object with `sms`, `email` or both; or null */
  limits?: LimitsBody | null;
  /** an object with `sms`, `email` or both; or null */
  autoScale?: AutoScaleBody | null;
  /** a multiple of 0.25 from 0.25 to 100; or null */
  weight?: number | null;
  /** Messages a day of the workspace's zone, by channel; null takes it away. Past it new messages wait for the next day, `high` ones too; retries go on. */
  dailyQuota?: QuotasBody | null;
}

/** Automatic scaling by channel; null is none. */
export interface AutoScaleBody {
  /** an object with `max` and `step`; or null */
  sms?: ScaleBody | null;
  /** an object with `max` and `step`; or null */
  email?: ScaleBody | null;
}

/** Automatic scaling: a limit that is used up is raised `step`-fold, up to `max` a second. */
export interface ScaleBody {
  /** a limit: a whole number of messages a second */
  max: number;
  /** a number above 1 */
  step: number;
}

/** Messages that may be sent in a workspace's day, by channel; null is any number. */
export interface QuotasBody {
  /** a whole number of messages a day; or null */
  sms?: number | null;
  /** a whole number of messages a day; or null */
  email?: number | null;
}

/** What to change of a channel: what is not given stays. `perSecond` null: the setting's limit     again. `until` and `reason` are those of what is changed. */
export interface ChannelBody {
  paused?: boolean;
  /** a whole number of messages a second, or a number below 1; or null */
  perSecond?: number | null;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  until?: string | null;
  /** text of 1-255 characters, or null */
  reason?: string | null;
}

/** A key to make: of one workspace or, without `workspaceId`, an administrator's; with     the scopes, life and quota of the key that makes it, or less where it is said, never more. */
export interface KeyBody {
  /** text of 1-255 characters, or null for an administrator's key */
  workspaceId?: string | number | null;
  /** a list of `read`, `send` and `manage` that is not empty; or null for all */
  scopes?: Array<'manage' | 'read' | 'send'> | null;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  expiresAt?: string | null;
  /** a whole number from 1 of messages a minute; or null for any number */
  messagesPerMinute?: number | null;
}

/** What to do to all jobs that match and exist now; a reschedule takes `delay` or     `scheduledFor`. */
export interface OperationBody {
  action: 'cancel' | 'promote' | 'reschedule' | 'retry';
  filter: FilterBody;
  /** a finite number of milliseconds, 0 to 34,560,000,000 (400 days) */
  delay?: number | null;
  /** a time with an offset, such as 2025-03-22T10:15:30.123Z */
  scheduledFor?: string | null;
}

/** Which jobs: as the query of GET /api/jobs, with `status` and at least one other member. */
export interface FilterBody {
  /** text of 1-255 characters */
  workspaceId?: string;
  /** `sms` or `email` */
  channel?: 'email' | 'sms';
  /** SCHEDULED, PROCESSING, COMPLETED, FAILED or CANCELLED */
  status: 'CANCELLED' | 'COMPLETED' | 'FAILED' | 'PROCESSING' | 'SCHEDULED';
  /** text of 1-255 characters */
  campaignId?: string;
  /** text of 1-255 characters */
  contactId?: string;
  /** text of 2-255 characters: the beginning of a job id, a recipient, contact or campaign, a whole idempotency key, or `metadata.PATH=VALUE` */
  q?: string;
  /** a group's id of GET /api/errors */
  errorGroup?: string;
  /** a phone number or email address */
  recipient?: string;
  /** a time with an offset */
  from?: string;
  /** a time with an offset */
  to?: string;
}

/** An alert. `clear` is the figure's value at which it ends, by default the one that it fires     beyond; within `quietSeconds` of a notified firing no other is notified. */
export interface AlertBody {
  when: WhenBody;
  /** a list of at most 20 sinks' names */
  notify?: string[];
  /** a whole number of seconds, 0 to 2,592,000 (30 days) */
  quietSeconds?: number;
  clear?: number | null;
}

/** When an alert fires: the figure is `over` or `under` a number for `forSeconds`. */
export interface WhenBody {
  figure: 'backlogClearsSeconds' | 'dispatchers' | 'endpointHeld' | 'exceededPerMinute' | 'failedShare' | 'oldestDueSeconds';
  channel?: Channel | null;
  workspaceId?: string | null;
  /** a finite number */
  over?: number;
  /** a finite number */
  under?: number;
  /** a whole number of seconds, 0 to 86,400 (a day) */
  forSeconds?: number;
}

/** What carries a message; each has limits, lanes and a base URL of its own. */
export type Channel = 'email' | 'sms';

/** A URL that takes Standard Webhooks. `secret` is never shown; left out, it stays. */
export interface WebhookBody {
  type: 'webhook';
  /** an http or https URL with a host, of at most 2,000 characters */
  url: string;
  /** whsec_ followed by the base64 of 24 to 64 random bytes; or null */
  secret?: string | null;
}

/** A URL that takes Slack's `{"text": ...}`. */
export interface SlackBody {
  type: 'slack';
  /** an http or https URL with a host, of at most 2,000 characters */
  url: string;
}

/** A mail server. With `tls`: implicit on port 465, else STARTTLS is required. `password` is     never shown; left out, it stays. */
export interface SmtpBody {
  type: 'smtp';
  /** a host name or address */
  host: string;
  /** a port, 1 to 65535 */
  port: number;
  tls?: boolean;
  username?: string | null;
  password?: string | null;
  /** an email address */
  from: string;
  /** an email address, or a list of 1 to 50 */
  to: string[] | string;
}

/** How far to move the test clock. */
export interface AdvanceBody {
  /** a finite number of milliseconds, 0 to 34,560,000,000 (400 days) */
  delay: number;
}

/** The message is on disk; `replayed` where its idempotency key had been used for it before. */
export interface ScheduleAnswer {
  success: true;
  jobId: string;
  message: string;
  status: 'SCHEDULED';
  scheduledFor: string;
  replayed?: boolean;
}

/** One result for each message, in order; a replay counts as accepted. */
export interface BatchAnswer {
  success: true;
  accepted: number;
  rejected: number;
  results: BatchResult[];
}

/** What became of the message at `index`: `jobId` where it was accepted, else `errors`. */
export interface BatchResult {
  index: number;
  jobId?: string;
  replayed?: boolean;
  errors?: FieldError[];
}

/** One thing wrong with a request. */
export interface FieldError {
  field: string;
  message: string;
}

/** A job's members at the top level, and every POST of it that has an outcome. */
export interface JobStatusAnswer {
  jobId: string;
  status: 'CANCELLED' | 'COMPLETED' | 'FAILED' | 'PROCESSING' | 'SCHEDULED';
  reason: string | null;
  channel: Channel;
  workspaceId: string;
  contactId: string;
  campaignId: string | null;
  scheduledFor: string;
  createdAt: string;
  finishedAt: string | null;
  attemptsMade: number;
  maxAttempts: number;
  nextAttemptAt: string | null;
  /** when it is expected to start; null where it does not wait, where nobody can know, and where over 200 are asked at once */
  estimatedAt: string | null;
  waitingFor: 'due' | 'hold' | 'pause' | 'receiver' | 'serviceLimit' | 'turn' | 'window' | 'workspaceLimit' | null;
  /** how much it takes of a limit: 1, or the segments of an SMS where those are counted */
  units: number;
  error: string | null;
  metadata: { [name: string]: unknown };
  success: true;
  attempts: Attempt[];
}

/** One POST that went out and has an outcome: delivered, failed, rejected, throttled or     timeout. */
export interface Attempt {
  number: number;
  startedAt: string;
  durationMs: number;
  outcome: string;
  statusCode: number | null;
  error: string | null;
  /** up to 16 KiB of the answer to the last attempt that failed */
  answer: string | null;
  answerCut: boolean;
}

/** Those of the jobs asked for that are known, and the ids of the others. */
export interface JobsAnswer {
  success: true;
  jobs: Job[];
  unknown: string[];
}

/** A job. `attemptsMade` counts the tries used; while it waits, `waitingFor` says for what. */
export interface Job {
  jobId: string;
  status: 'CANCELLED' | 'COMPLETED' | 'FAILED' | 'PROCESSING' | 'SCHEDULED';
  reason: string | null;
  channel: Channel;
  workspaceId: string;
  contactId: string;
  campaignId: string | null;
  scheduledFor: string;
  createdAt: string;
  finishedAt: string | null;
  attemptsMade: number;
  maxAttempts: number;
  nextAttemptAt: string | null;
  /** when it is expected to start; null where it does not wait, where nobody can know, and where over 200 are asked at once */
  estimatedAt: string | null;
  waitingFor: 'due' | 'hold' | 'pause' | 'receiver' | 'serviceLimit' | 'turn' | 'window' | 'workspaceLimit' | null;
  /** how much it takes of a limit: 1, or the segments of an SMS where those are counted */
  units: number;
  error: string | null;
  metadata: { [name: string]: unknown };
}

/** One page; `nextCursor` is null on the last. */
export interface JobListAnswer {
  success: true;
  jobs: Job[];
  nextCursor: string | null;
}

/** Some changes in order; ask again after `cursor` for those that follow. */
export interface ChangesAnswer {
  success: true;
  changes: Change[];
  cursor: string;
}

/** A job's newest change: it reached a final status, or returned to SCHEDULED by a retry. */
export interface Change {
  jobId: string;
  status: 'CANCELLED' | 'COMPLETED' | 'FAILED' | 'PROCESSING' | 'SCHEDULED';
  changedAt: string;
}

/** The job as it is now. */
export interface JobAnswer {
  success: true;
  job: Job;
}

/** The faults of failed jobs, most frequent first. */
export interface ErrorsAnswer {
  success: true;
  errors: ErrorMembers[];
  nextCursor: string | null;
}

/** Failed jobs of one fault: its status and text, in which UUIDs, numbers and quoted text are     `…`; `example` is the id of one of them. */
export interface ErrorMembers {
  errorGroup: string;
  statusCode: number | null;
  message: string;
  count: number;
  lastAt: string;
  example: string;
}

/** A campaign; `state` is active, paused, shifting or cancelled. */
export interface CampaignAnswer {
  success: true;
  campaignId: string;
  workspaceId: string;
  state: string;
  counts: StatusCounts;
  firstScheduledFor: string | null;
  lastScheduledFor: string | null;
  estimatedEnd: string | null;
}

/** Jobs by status. */
export interface StatusCounts {
  SCHEDULED: number;
  PROCESSING: number;
  COMPLETED: number;
  FAILED: number;
  CANCELLED: number;
}

/** How many unclaimed jobs the call acts on. */
export interface CountAnswer {
  success: true;
  count: number;
}

/** How many jobs lost their content; how many of them had waited and are cancelled, and     how many may have been on their way just then. */
export interface EraseAnswer {
  success: true;
  erased: number;
  cancelled: number;
  inFlight: number;
}

/** When the first would start and the last be answered (null: not as things stand), and     what they would wait for longest. */
export interface ForecastAnswer {
  success: true;
  startAt: string | null;
  endAt: string | null;
  limitedBy: 'due' | 'hold' | 'pause' | 'receiver' | 'serviceLimit' | 'turn' | 'window' | 'workspaceLimit';
}

/** The service's figures; with a workspace's key, that workspace's. Workspaces are those     that were over a limit, worst first. */
export interface MetricsAnswer {
  sms: ChannelMetrics;
  email: ChannelMetrics;
  workspaceRateLimits: { [name: string]: RateLimits };
  timestamp: string;
}

/** A channel's figures since the last reset. */
export interface ChannelMetrics {
  totalProcessed: number;
  batchesProcessed: number;
  /** percent of `totalProcessed` */
  successRate: number;
  /** milliseconds a batch */
  avgProcessingTime: number;
  /** messages a second, in the newest minute in which any ended */
  throughput: number;
  rateExceededCount: number;
  lastProcessedTime: string | null;
  workspaceRateLimits: RateLimitOfWorkspace[];
}

/** The same, of the workspace that it names. */
export interface RateLimitOfWorkspace {
  count: number;
  lastExceeded: string | null;
  details: Exceedance[];
  workspaceId: string;
}

/** A limit had no room for messages that were due: `batchSize` of them. */
export interface Exceedance {
  timestamp: string;
  batchSize: number;
  errorMessage: string;
}

/** By channel. */
export interface RateLimits {
  sms: RateLimit;
  email: RateLimit;
}

/** How often a workspace was over a limit of a channel, when last, and the newest times     it was, newest first. */
export interface RateLimit {
  count: number;
  lastExceeded: string | null;
  details: Exceedance[];
}

/** A workspace's figures; zeros for one that nobody has seen. */
export interface WorkspaceMetricsAnswer {
  workspaceId: string;
  sms: ChannelUse;
  email: ChannelUse;
  tier: string;
  timestamp: string;
}

/** A workspace's limit of a channel, the share of it (0-1) that the last ten seconds     used, and its messages. */
export interface ChannelUse {
  count: number;
  lastExceeded: string | null;
  details: Exceedance[];
  limitPerSecond: number;
  utilization: number;
  sent: number;
  failed: number;
  backlog: number;
}

/** What was reset, in words. */
export interface ResetAnswer {
  success: true;
  message: string;
}

/** A point every `stepSeconds`: those asked for, raised to what is still kept of that time. */
export interface HistoryAnswer {
  stepSeconds: number;
  points: HistoryPoint[];
}

/** What happened in one step, from `timestamp` on; no lateness where nothing started. */
export interface HistoryPoint {
  timestamp: string;
  sent: number;
  failed: number;
  exceeded: number;
  averageLatenessMs: number | null;
}

/** A workspace's settings, the ends and reasons of its pauses and limits, its limits in force,     why it waits, and the newest changes that automatic scaling made. */
export interface WorkspaceAnswer {
  /** text of 1-255 characters */
  workspaceId: string;
  tier: string;
  timezone: string;
  limits: LimitsAnswer;
  callbackBaseUrls: UrlsAnswer;
  paused: PausedAnswer;
  eventsUrl: string | null;
  /** the events' URL answered 410: none are sent until it is set again */
  eventsOff: boolean;
  signingSecretSet: boolean;
  sendWindow: WindowAnswer | null;
  success: true;
  pausedUntil: MomentsAnswer;
  pausedReason: ReasonsAnswer;
  limitsUntil: MomentsAnswer;
  limitsReason: ReasonsAnswer;
  limitsInForce: LimitsInForce;
  holds: HoldAnswer[];
  adjustments: AdjustmentAnswer[];
}

/** By channel; null where there is none of its own. */
export interface LimitsAnswer {
  sms: number | null;
  email: number | null;
}

/** By channel, credentials masked; null where there is none of its own. */
export interface UrlsAnswer {
  sms: string | null;
  email: string | null;
}

/** By channel. */
export interface PausedAnswer {
  sms: boolean;
  email: boolean;
}

/** As `WindowBody`. */
export interface WindowAnswer {
  start: string;
  end: string;
  days: number[];
}

/** By channel; null where there is no end. */
export interface MomentsAnswer {
  sms: string | null;
  email: string | null;
}

/** By channel; null where none was given. */
export interface ReasonsAnswer {
  sms: string | null;
  email: string | null;
}

/** By channel. */
export interface LimitsInForce {
  sms: InForce;
  email: InForce;
}

/** A limit in force, and where it comes from: the service, the tier, the workspace, or     automatic scaling. */
export interface InForce {
  perSecond: number;
  source: 'scaled' | 'service' | 'tier' | 'workspace';
}

/** Why messages of a channel wait, and until when; null: until somebody ends it. */
export interface HoldAnswer {
  channel: Channel;
  reason: 'fault' | 'pause' | 'quota' | 'refused' | 'throttled' | 'unreachable' | 'window';
  until: string | null;
}

/** One change of a limit by automatic scaling. */
export interface AdjustmentAnswer {
  timestamp: string;
  channel: Channel;
  from: number;
  to: number;
  reason: 'bounds' | 'idle' | 'saturated' | 'throttled';
}

/** The channels of which a hold was lifted. */
export interface LiftAnswer {
  success: true;
  lifted: Channel[];
}

/** A page of the list. */
export interface WorkspacesAnswer {
  success: true;
  workspaces: WorkspaceVolume[];
  nextCursor: string | null;
}

/** A workspace of the list: what it sent, its messages that wait or are in flight, and     its exceedances; resets of metrics do not change them. */
export interface WorkspaceVolume {
  /** text of 1-255 characters */
  workspaceId: string;
  tier: string;
  timezone: string;
  limits: LimitsAnswer;
  callbackBaseUrls: UrlsAnswer;
  paused: PausedAnswer;
  eventsUrl: string | null;
  /** the events' URL answered 410: none are sent until it is set again */
  eventsOff: boolean;
  signingSecretSet: boolean;
  sendWindow: WindowAnswer | null;
  sent: number;
  backlog: number;
  exceeded: number;
}

/** A tier by itself. */
export interface TierAnswer {
  name: string;
  limits: LimitsAnswer;
  autoScale: AutoScaleAnswer;
  weight: number;
  dailyQuota: QuotasAnswer;
  success: true;
}

/** By channel; null where there is none. */
export interface AutoScaleAnswer {
  sms: ScaleAnswer | null;
  email: ScaleAnswer | null;
}

/** As `ScaleBody`. */
export interface ScaleAnswer {
  max: number;
  step: number;
}

/** By channel; null where there is none. */
export interface QuotasAnswer {
  sms: number | null;
  email: number | null;
}

/** All tiers, by name. */
export interface TiersAnswer {
  success: true;
  tiers: Tier[];
}

/** What the workspaces of a tier get; null is the service's limit, no automatic scaling,     no quota. */
export interface Tier {
  name: string;
  limits: LimitsAnswer;
  autoScale: AutoScaleAnswer;
  weight: number;
  dailyQuota: QuotasAnswer;
}

/** Both channels. */
export interface ChannelsAnswer {
  success: true;
  channels: ChannelMembers[];
}

/** A channel: whether it is paused, its limit in force, and whether that is each process's     setting or a stored one. `until` and `reason` are the stored limit's, else the pause's. */
export interface ChannelMembers {
  channel: Channel;
  paused: boolean;
  perSecond: number;
  source: 'setting' | 'stored';
  until: string | null;
  reason: string | null;
  pausedUntil: string | null;
  pausedReason: string | null;
}

/** One channel. */
export interface ChannelAnswer {
  channel: Channel;
  paused: boolean;
  perSecond: number;
  source: 'setting' | 'stored';
  until: string | null;
  reason: string | null;
  pausedUntil: string | null;
  pausedReason: string | null;
  success: true;
}

/** A key that was made. `key` is shown this once: send it as `Authorization: Bearer`, or     as the password of Basic. */
export interface NewKeyAnswer {
  keyId: string;
  workspaceId: string | null;
  scopes: Array<'manage' | 'read' | 'send'>;
  createdAt: string;
  expiresAt: string | null;
  messagesPerMinute: number | null;
  success: true;
  key: string;
}

/** All keys that are not revoked, oldest first. */
export interface KeysAnswer {
  success: true;
  keys: KeyMembers[];
}

/** A key; its text is not kept. `workspaceId` is null for an administrator's. */
export interface KeyMembers {
  keyId: string;
  workspaceId: string | null;
  scopes: Array<'manage' | 'read' | 'send'>;
  createdAt: string;
  expiresAt: string | null;
  messagesPerMinute: number | null;
}

/** A key that was revoked. */
export interface KeyAnswer {
  keyId: string;
  workspaceId: string | null;
  scopes: Array<'manage' | 'read' | 'send'>;
  createdAt: string;
  expiresAt: string | null;
  messagesPerMinute: number | null;
  success: true;
}

/** An operation that was started: how many jobs match now. */
export interface StartedAnswer {
  success: true;
  operationId: string;
  count: number;
}

/** Operations, newest first. */
export interface OperationsAnswer {
  success: true;
  operations: OperationMembers[];
  nextCursor: string | null;
}

/** An operation: `done` of `total` jobs, `skipped` because their state had changed. */
export interface OperationMembers {
  operationId: string;
  action: 'cancel' | 'promote' | 'reschedule' | 'retry';
  state: 'failed' | 'finished' | 'running' | 'stopped' | 'waiting';
  workspaceId: string | null;
  by: string;
  total: number;
  done: number;
  skipped: number;
  error: string | null;
  createdAt: string;
  finishedAt: string | null;
}

/** One operation. */
export interface OperationAnswer {
  operationId: string;
  action: 'cancel' | 'promote' | 'reschedule' | 'retry';
  state: 'failed' | 'finished' | 'running' | 'stopped' | 'waiting';
  workspaceId: string | null;
  by: string;
  total: number;
  done: number;
  skipped: number;
  error: string | null;
  createdAt: string;
  finishedAt: string | null;
  success: true;
}

/** Entries of the audit log, newest first. */
export interface AuditAnswer {
  success: true;
  entries: AuditEntryMembers[];
  nextCursor: string | null;
}

/** Who did what; `outcome` is null while it is under way or where the process died. */
export interface AuditEntryMembers {
  at: string;
  by: string;
  via: 'dashboard' | 'api' | 'cli';
  workspaceId: string | null;
  action: string;
  subject: string;
  old: unknown;
  new: unknown;
  outcome: string | null;
}

/** Campaigns, newest first. */
export interface CampaignsAnswer {
  success: true;
  campaigns: CampaignMembers[];
  nextCursor: string | null;
}

/** A campaign of the list. */
export interface CampaignMembers {
  campaignId: string;
  workspaceId: string;
  state: string;
  counts: StatusCounts;
}

/** All alerts, by name. */
export interface AlertsAnswer {
  success: true;
  alerts: AlertMembers[];
}

/** An alert and where it stands. `value` is the figure at the newest evaluation, null before     the first or where a backlog does not clear. */
export interface AlertMembers {
  name: string;
  when: WhenMembers;
  notify: string[];
  quietSeconds: number;
  clear: number;
  state: 'firing' | 'ok' | 'pending';
  since: string | null;
  value: number | null;
  lastNotifiedAt: string | null;
}

/** An alert's condition; the one of `over` and `under` that is not used is null. */
export interface WhenMembers {
  figure: 'backlogClearsSeconds' | 'dispatchers' | 'endpointHeld' | 'exceededPerMinute' | 'failedShare' | 'oldestDueSeconds';
  channel: Channel | null;
  workspaceId: string | null;
  over: number | null;
  under: number | null;
  forSeconds: number;
}

/** One alert. */
export interface AlertAnswer {
  name: string;
  when: WhenMembers;
  notify: string[];
  quietSeconds: number;
  clear: number;
  state: 'firing' | 'ok' | 'pending';
  since: string | null;
  value: number | null;
  lastNotifiedAt: string | null;
  success: true;
}

/** All sinks, by name. */
export interface SinksAnswer {
  success: true;
  sinks: SinkMembers[];
}

/** A sink; the members of its type alone. Secrets are not shown, only whether they are set. */
export interface SinkMembers {
  name: string;
  type: 'slack' | 'smtp' | 'webhook';
  url?: string;
  secretSet?: boolean;
  host?: string;
  port?: number;
  tls?: boolean;
  username?: string | null;
  passwordSet?: boolean;
  from?: string;
  to?: string[];
}

/** One sink. */
export interface SinkAnswer {
  name: string;
  type: 'slack' | 'smtp' | 'webhook';
  url?: string;
  secretSet?: boolean;
  host?: string;
  port?: number;
  tls?: boolean;
  username?: string | null;
  passwordSet?: boolean;
  from?: string;
  to?: string[];
  success: true;
}

/** What became of a test notification; `error` says why it was not delivered. */
export interface SinkTestAnswer {
  success: true;
  delivered: boolean;
  error: string | null;
}

/** The time after the move; what fell due on the way was delivered. */
export interface AdvanceAnswer {
  success: true;
  now: string;
}

/** All is well at `timestamp`. */
export interface HealthAnswer {
  status: string;
  timestamp: string;
}

/** RFC 9457, and what the original's clients read: `success` and `message` (the text of     `detail`). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  success: false;
  message: string;
  errors?: FieldError[];
}

/** Every call of the API: what it takes and what it answers. */
export interface Calls {
  /** Schedule an SMS */
  'POST /api/schedule-sms': {
    path: {};
    query: {};
    body: SmsBody;
    answer: ScheduleAnswer;
  };
  /** Schedule an email */
  'POST /api/schedule-email': {
    path: {};
    query: {};
    body: EmailBody;
    answer: ScheduleAnswer;
  };
  /** Schedule up to 10,000 messages */
  'POST /api/schedule-batch': {
    path: {};
    query: { atomic?: 'false' | 'true' };
    body: BatchBody;
    answer: BatchAnswer;
  };
  /** A job and its attempts */
  'GET /api/job-status/{jobId}': {
    path: { jobId: string };
    query: {};
    body: undefined;
    answer: JobStatusAnswer;
  };
  /** Up to 1,000 jobs */
  'POST /api/job-status': {
    path: {};
    query: {};
    body: JobIdsBody;
    answer: JobsAnswer;
  };
  /** Jobs that match, newest first */
  'GET /api/jobs': {
    path: {};
    query: { workspaceId?: string; channel?: 'email' | 'sms'; status?: 'CANCELLED' | 'COMPLETED' | 'FAILED' | 'PROCESSING' | 'SCHEDULED'; campaignId?: string; contactId?: string; q?: string; errorGroup?: string; recipient?: string; from?: string; to?: string; limit?: number; cursor?: string };
    body: undefined;
    answer: JobListAnswer;
  };
  /** What ended or was retried, in order, to be followed from cursor to cursor */
  'GET /api/changes': {
    path: {};
    query: { workspaceId?: string; after?: string; limit?: number };
    body: undefined;
    answer: ChangesAnswer;
  };
  /** Schedule a FAILED or CANCELLED job now */
  'POST /api/retry-job/{jobId}': {
    path: { jobId: string };
    query: {};
    body: NoMembers | undefined;
    answer: JobAnswer;
  };
  /** Make a SCHEDULED job due now */
  'POST /api/promote-job/{jobId}': {
    path: { jobId: string };
    query: {};
    body: NoMembers | undefined;
    answer: JobAnswer;
  };
  /** Give a SCHEDULED job another time */
  'POST /api/reschedule-job/{jobId}': {
    path: { jobId: string };
    query: {};
    body: RescheduleBody;
    answer: JobAnswer;
  };
  /** Cancel a SCHEDULED job */
  'POST /api/cancel-job/{jobId}': {
    path: { jobId: string };
    query: {};
    body: NoMembers | undefined;
    answer: JobAnswer;
  };
  /** Failed jobs by what they failed of, most frequent first */
  'GET /api/errors': {
    path: {};
    query: { workspaceId?: string; campaignId?: string; channel?: 'email' | 'sms'; from?: string; to?: string; limit?: number; cursor?: string };
    body: undefined;
    answer: ErrorsAnswer;
  };
  /** A campaign's state and counts */
  'GET /api/campaigns/{campaignId}': {
    path: { campaignId: string };
    query: { workspaceId: string };
    body: undefined;
    answer: CampaignAnswer;
  };
  /** End every job that exists now */
  'POST /api/campaigns/{campaignId}/cancel': {
    path: { campaignId: string };
    query: { workspaceId: string };
    body: NoMembers | undefined;
    answer: CountAnswer;
  };
  /** Hold every job, and those scheduled later, until an end if one is given */
  'POST /api/campaigns/{campaignId}/pause': {
    path: { campaignId: string };
    query: { workspaceId: string };
    body: PauseBody | undefined;
    answer: CountAnswer;
  };
  /** Let a paused campaign's jobs go */
  'POST /api/campaigns/{campaignId}/resume': {
    path: { campaignId: string };
    query: { workspaceId: string };
    body: NoMembers | undefined;
    answer: CountAnswer;
  };
  /** Move the due times of every job */
  'POST /api/campaigns/{campaignId}/shift': {
    path: { campaignId: string };
    query: { workspaceId: string };
    body: ShiftBody;
    answer: CountAnswer;
  };
  /** Forget a contact */
  'POST /api/contacts/{contactId}/erase': {
    path: { contactId: string };
    query: { workspaceId: string };
    body: NoMembers | undefined;
    answer: EraseAnswer;
  };
  /** When so many more messages would start and finish under today's limits and backlog */
  'POST /api/forecast': {
    path: {};
    query: {};
    body: ForecastBody;
    answer: ForecastAnswer;
  };
  /** The figures since the last reset */
  'GET /api/metrics': {
    path: {};
    query: {};
    body: undefined;
    answer: MetricsAnswer;
  };
  /** A workspace's figures, limits and newest exceedances */
  'GET /api/metrics/workspace/{workspaceId}': {
    path: { workspaceId: string };
    query: {};
    body: undefined;
    answer: WorkspaceMetricsAnswer;
  };
  /** Count the figures from now on; history and jobs stay */
  'POST /api/metrics/reset': {
    path: {};
    query: {};
    body: ResetBody | undefined;
    answer: ResetAnswer;
  };
  /** What was sent, failed and exceeded, over time */
  'GET /api/metrics/history': {
    path: {};
    query: { channel?: 'email' | 'sms'; workspaceId?: string; from?: string; to?: string; stepSeconds?: number };
    body: undefined;
    answer: HistoryAnswer;
  };
  /** Every figure as Prometheus reads it */
  'GET /metrics': {
    path: {};
    query: {};
    body: undefined;
    answer: string;
  };
  /** A workspace: its settings, its limits in force, and what holds it up */
  'GET /api/workspaces/{workspaceId}': {
    path: { workspaceId: string };
    query: {};
    body: undefined;
    answer: WorkspaceAnswer;
  };
  /** Change the members given of a workspace; null clears */
  'PUT /api/workspaces/{workspaceId}': {
    path: { workspaceId: string };
    query: {};
    body: WorkspaceBody;
    answer: WorkspaceAnswer;
  };
  /** End the holds that the endpoint's answers have put on a workspace */
  'POST /api/workspaces/{workspaceId}/lift': {
    path: { workspaceId: string };
    query: {};
    body: LiftBody | undefined;
    answer: LiftAnswer;
  };
  /** Workspaces by what they sent, have waiting, or were over their limits */
  'GET /api/workspaces': {
    path: {};
    query: { sort?: 'backlog' | 'exceeded' | 'sent'; limit?: number; cursor?: string };
    body: undefined;
    answer: WorkspacesAnswer;
  };
  /** What the workspaces of a tier get */
  'GET /api/tiers/{name}': {
    path: { name: string };
    query: {};
    body: undefined;
    answer: TierAnswer;
  };
  /** Change the members given of a tier, or make it; null clears */
  'PUT /api/tiers/{name}': {
    path: { name: string };
    query: {};
    body: TierBody;
    answer: TierAnswer;
  };
  /** All tiers */
  'GET /api/tiers': {
    path: {};
    query: {};
    body: undefined;
    answer: TiersAnswer;
  };
  /** Both channels: paused, and the limit in force */
  'GET /api/channels': {
    path: {};
    query: {};
    body: undefined;
    answer: ChannelsAnswer;
  };
  /** A channel: paused, and the limit in force */
  'GET /api/channels/{channel}': {
    path: { channel: 'sms' | 'email' };
    query: {};
    body: undefined;
    answer: ChannelAnswer;
  };
  /** Change the members given of a channel; a limit of null is the setting's again */
  'PUT /api/channels/{channel}': {
    path: { channel: 'sms' | 'email' };
    query: {};
    body: ChannelBody;
    answer: ChannelAnswer;
  };
  /** Let no job of the channel start, until an end if one is given */
  'POST /api/channels/{channel}/pause': {
    path: { channel: 'sms' | 'email' };
    query: {};
    body: PauseBody | undefined;
    answer: ChannelAnswer;
  };
  /** Let jobs of the channel start again */
  'POST /api/channels/{channel}/resume': {
    path: { channel: 'sms' | 'email' };
    query: {};
    body: NoMembers | undefined;
    answer: ChannelAnswer;
  };
  /** Make a key; it is shown this once */
  'POST /api/keys': {
    path: {};
    query: {};
    body: KeyBody | undefined;
    answer: NewKeyAnswer;
  };
  /** The keys that are not revoked */
  'GET /api/keys': {
    path: {};
    query: { workspaceId?: string };
    body: undefined;
    answer: KeysAnswer;
  };
  /** Revoke a key: within a second it opens nothing */
  'DELETE /api/keys/{keyId}': {
    path: { keyId: string };
    query: {};
    body: undefined;
    answer: KeyAnswer;
  };
  /** Cancel, retry, promote or reschedule all jobs that match, in the background */
  'POST /api/operations': {
    path: {};
    query: {};
    body: OperationBody;
    answer: StartedAnswer;
  };
  /** Operations on many jobs, newest first */
  'GET /api/operations': {
    path: {};
    query: { workspaceId?: string; limit?: number; cursor?: string };
    body: undefined;
    answer: OperationsAnswer;
  };
  /** An operation and its progress */
  'GET /api/operations/{operationId}': {
    path: { operationId: string };
    query: {};
    body: undefined;
    answer: OperationAnswer;
  };
  /** Leave the rest of an operation undone */
  'POST /api/operations/{operationId}/stop': {
    path: { operationId: string };
    query: {};
    body: NoMembers | undefined;
    answer: OperationAnswer;
  };
  /** Who changed what, newest first */
  'GET /api/audit': {
    path: {};
    query: { workspaceId?: string; from?: string; to?: string; by?: string; action?: string; limit?: number; cursor?: string };
    body: undefined;
    answer: AuditAnswer;
  };
  /** Campaigns with their counts, newest first */
  'GET /api/campaigns': {
    path: {};
    query: { workspaceId?: string; state?: 'active' | 'cancelled' | 'paused' | 'shifting'; limit?: number; cursor?: string };
    body: undefined;
    answer: CampaignsAnswer;
  };
  /** All alerts and where they stand */
  'GET /api/alerts': {
    path: {};
    query: {};
    body: undefined;
    answer: AlertsAnswer;
  };
  /** An alert and where it stands */
  'GET /api/alerts/{name}': {
    path: { name: string };
    query: {};
    body: undefined;
    answer: AlertAnswer;
  };
  /** Set an alert; it is evaluated every 5 s */
  'PUT /api/alerts/{name}': {
    path: { name: string };
    query: {};
    body: AlertBody;
    answer: AlertAnswer;
  };
  /** Remove an alert */
  'DELETE /api/alerts/{name}': {
    path: { name: string };
    query: {};
    body: undefined;
    answer: AlertAnswer;
  };
  /** All sinks of notifications, without their secrets */
  'GET /api/alert-sinks': {
    path: {};
    query: {};
    body: undefined;
    answer: SinksAnswer;
  };
  /** A sink of notifications, without its secrets */
  'GET /api/alert-sinks/{name}': {
    path: { name: string };
    query: {};
    body: undefined;
    answer: SinkAnswer;
  };
  /** Set a sink of notifications */
  'PUT /api/alert-sinks/{name}': {
    path: { name: string };
    query: {};
    body: WebhookBody | SlackBody | SmtpBody;
    answer: SinkAnswer;
  };
  /** Remove a sink that no alert uses */
  'DELETE /api/alert-sinks/{name}': {
    path: { name: string };
    query: {};
    body: undefined;
    answer: SinkAnswer;
  };
  /** Send a test notification now and say what became of it */
  'POST /api/alert-sinks/{name}/test': {
    path: { name: string };
    query: {};
    body: NoMembers | undefined;
    answer: SinkTestAnswer;
  };
  /** Let time pass, and deliver what falls due in it (only with `serve --test-clock`) */
  'POST /api/test-clock/advance': {
    path: {};
    query: {};
    body: AdvanceBody;
    answer: AdvanceAnswer;
  };
  /** Whether the service runs */
  'GET /health': {
    path: {};
    query: {};
    body: undefined;
    answer: HealthAnswer;
  };
  /** Whether the process answers */
  'GET /health/live': {
    path: {};
    query: {};
    body: undefined;
    answer: HealthAnswer;
  };
  /** Whether the store can be written */
  'GET /health/ready': {
    path: {};
    query: {};
    body: undefined;
    answer: HealthAnswer;
  };
}
