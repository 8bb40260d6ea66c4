/** What becomes of messages: one schedule call's result, and those of many. */
import { QueueServiceError, Unavailable, ValidationFailed, type Fault } from './errors.js';

/** What became of one message: `jobId` when it succeeded, `error` (and each of `faults`) when not. */
export interface ScheduleResult {
  success: boolean;
  jobId?: string;
  /** Why it failed, as text. */
  error?: string;
  /** Each thing wrong with the message, where it was refused. */
  faults?: readonly Fault[];
  /** The idempotency key had scheduled it before; nothing was added. */
  replayed?: boolean;
  /** When it is due, RFC 3339 in UTC. */
  scheduledFor?: string;
  /**
   * The service did not answer, so it may or may not have the message: schedule it again with the
   * same `idempotencyKey`.
   */
  unavailable?: boolean;
  /** The key it went out under, also where one was made for the call. */
  idempotencyKey?: string;
}

/** How many messages of a bulk schedule have been answered so far; `replayed` are among `accepted`. */
export interface BulkProgress {
  accepted: number;
  replayed: number;
  rejected: number;
  answered: number;
}

/** What became of many messages: counts, and a result for each in the order given. */
export interface ScheduledMany {
  accepted: number;
  replayed: number;
  rejected: number;
  results: ScheduleResult[];
}

/** `error` as the result of scheduling one message. Anything but a QueueServiceError keeps its text. */
export function failed(error: unknown, idempotencyKey?: string): ScheduleResult {
  const result: ScheduleResult = { success: false, error: error instanceof Error ? error.message : String(error) };
  if (error instanceof ValidationFailed && error.faults.length) result.faults = error.faults;
  if (error instanceof Unavailable) result.unavailable = true;
  if (idempotencyKey !== undefined) result.idempotencyKey = idempotencyKey;
  return result;
}

/** Whether sending more is no use after `error`: the service is away, or the key bad. */
export function stops(error: unknown): boolean {
  return error instanceof QueueServiceError && !(error instanceof ValidationFailed) && error.status !== 409;
}

/** How many of `results` were accepted, replayed and rejected. */
export function counted(results: readonly ScheduleResult[]): Omit<BulkProgress, 'answered'> {
  const accepted = results.filter((result) => result.success).length;
  const replayed = results.filter((result) => result.replayed).length;
  return { accepted, replayed, rejected: results.length - accepted };
}
