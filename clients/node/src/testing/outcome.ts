/** What an answer to a callback means for the message, as the service takes it. Pure. */

const LONGEST_THROTTLE = 3_600_000;
const PROBED_AFTER = 30_000;
/** Of these the whole batch is refused for now, whatever its size. */
const NOT_FOR_ITS_SIZE = [401, 403, 404, 405, 408, 425, 429];

/** An endpoint's answer as the fake settles it: a response, or that it was not reached or timed out. */
export type Settled = { status: number; headers: Headers; body: string } | 'unreachable' | 'timeout';

/** `word` is what the attempt is listed with; `waitMs` how long until the next try, undefined for the backoff. */
export interface Outcome {
  word: 'delivered' | 'failed' | 'rejected' | 'throttled' | 'timeout' | 'unreachable';
  error: string | null;
  usesTry: boolean;
  /** It is not tried again. */
  final?: boolean;
  waitMs?: number;
}

/** The table of callback answers. */
export function outcomeOf(answer: Settled): Outcome {
  if (answer === 'timeout') return { word: 'timeout', error: 'timed out', usesTry: true };
  if (answer === 'unreachable') return { word: 'unreachable', error: 'not reached', usesTry: false };
  const { status, headers, body } = answer;
  const error = `${status} ${body.slice(0, 500)}`.trim();
  const retryAfter = headers.get('retry-after');
  if (status >= 200 && status < 300) {
    const refused = refusedIn(body);
    return refused === undefined ? { word: 'delivered', error: null, usesTry: true, final: true } : { word: 'failed', error: refused, usesTry: true };
  }
  if (status === 429 || (status === 503 && retryAfter)) {
    const waitMs = /^\d+$/.test(retryAfter ?? '') ? Math.min(Number(retryAfter) * 1000, LONGEST_THROTTLE) : 1_000;
    return { word: 'throttled', error, usesTry: false, waitMs };
  }
  if ([408, 425].includes(status) || status >= 500) return { word: 'failed', error, usesTry: true };
  return { word: 'rejected', error, usesTry: true, final: true };
}

/** The table of answers to a batch, for each of its messages: a result of its own where the answer has some, else what it says of all. */
export function batchOutcomes(answer: Settled, jobIds: readonly string[]): Outcome[] {
  const results = resultsIn(answer);
  if (results !== undefined) return jobIds.map((jobId) => outcomeOfResult(results.find((result) => result?.jobId === jobId) ?? undefined));
  const { error, ...outcome } = outcomeOf(answer);
  const status = typeof answer === 'string' ? 0 : answer.status;
  const again = (waitMs: number): Outcome[] => jobIds.map(() => ({ word: 'rejected', error, usesTry: false, waitMs }));
  if ([401, 403, 404, 405].includes(status)) return again(PROBED_AFTER);
  return batchLimit(answer, jobIds.length) === null ? jobIds.map(() => ({ ...outcome, error })) : again(0);
}

/** The size of the batches in which a refused batch of `size` is sent again; null where it was not refused for being one. */
export function batchLimit(answer: Settled, size: number): number | null {
  const status = typeof answer === 'string' ? 0 : answer.status;
  if (size === 1 || status < 300 || status >= 500 || NOT_FOR_ITS_SIZE.includes(status)) return null;
  return status === 413 ? Math.ceil(size / 2) : 1;
}

/** What the application says to the question whether it has a message; undefined where it does not say. */
export function saidDelivered(answer: Settled): boolean | undefined {
  if (typeof answer === 'string' || ![200, 404].includes(answer.status)) return undefined;
  const { delivered } = parsed(answer.body);
  if (delivered === true && answer.status === 200) return true;
  return delivered === false ? false : undefined;
}

interface ResultLine {
  jobId?: unknown;
  success?: unknown;
  error?: unknown;
  retryAfter?: unknown;
  permanent?: unknown;
}

function outcomeOfResult(result: ResultLine | undefined): Outcome {
  if (result === undefined) return { word: 'failed', error: 'the answer has no result for this message', usesTry: true };
  if (result.success === true) return { word: 'delivered', error: null, usesTry: true, final: true };
  const error = String(result.error || 'the application answered success: false');
  if (result.permanent === true) return { word: 'rejected', error, usesTry: true, final: true };
  if (typeof result.retryAfter !== 'number') return { word: 'failed', error, usesTry: true };
  return { word: 'throttled', error, usesTry: false, waitMs: Math.min(Math.max(result.retryAfter, 1) * 1000, LONGEST_THROTTLE) };
}

function resultsIn(answer: Settled): (ResultLine | null)[] | undefined {
  if (typeof answer === 'string' || answer.status < 200 || answer.status >= 300) return undefined;
  const { results } = parsed(answer.body);
  return Array.isArray(results) ? (results as (ResultLine | null)[]) : undefined;
}

/** How long after the `tries`-th failed try the next comes: the longest that the service would draw, so that tests know it. */
export function backoff(tries: number): number {
  return Math.min(1_000 * 2 ** Math.min(tries - 1, 20), 600_000);
}

/** What a 2xx's body says went wrong; undefined where it does not say `"success": false`. */
function refusedIn(body: string): string | undefined {
  const { success, error, message } = parsed(body);
  return success === false ? String(error || message || 'the application answered success: false') : undefined;
}

/** The members of a JSON object; none of anything else. */
function parsed(body: string): Record<string, unknown> {
  try {
    return (JSON.parse(body) as Record<string, unknown> | null) ?? {};
  } catch {
    return {};
  }
}
