/**
 * The answers of a callback endpoint, as the service reads them. One message is answered by its
 * status; a batch by 200 with a result for each message.
 */
import { isFinalStatus, Refusal } from './refusals.js';

const LONGEST_WAIT = 3_600;

/** What the application answers to a callback. */
export interface CallbackAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What became of one message: its own answer, and its line in the answer to a batch. */
export interface Result {
  success: boolean;
  status: number;
  jobId?: string;
  /** It was accepted before; for the service that is success. */
  duplicate?: true;
  error?: string;
  /** Whole seconds. */
  retryAfter?: number;
  /** It is FAILED at once. */
  permanent?: true;
}

/** The result of a refusal; any other error is a bug, and is answered 500 with its type alone, as its text may be private. */
export function refused(error: unknown, jobId?: string): Result {
  const known = error instanceof Refusal;
  const status = known ? error.code : 500;
  const wait = known && error.retryAfter !== undefined ? Math.min(LONGEST_WAIT, Math.max(1, Math.ceil(error.retryAfter))) : undefined;
  return {
    success: false,
    status,
    ...(jobId !== undefined && { jobId }),
    error: known ? error.message : `unexpected ${error instanceof Error ? error.name : typeof error}`,
    ...(wait !== undefined && { retryAfter: wait }),
    ...(isFinalStatus(status) && { permanent: true as const }),
  };
}

/** The HTTP answer to one message. */
export function answer({ success, status, duplicate, error, retryAfter }: Result): CallbackAnswer {
  const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  return json(status, { success, ...(duplicate && { duplicate }), ...(error !== undefined && { error }) }, headers);
}

/** The HTTP answer to a batch, results in the order of its messages. */
export function batchAnswer(results: readonly Result[]): CallbackAnswer {
  return json(200, { success: results.every((one) => one.success), results });
}

/** An answer whose body is `value` as JSON. */
export function json(status: number, value: object, headers: Record<string, string> = {}): CallbackAnswer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}
