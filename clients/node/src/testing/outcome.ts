/** What an answer to a callback means for the message, as the service takes it. Pure. */

const LONGEST_THROTTLE = 3_600_000;

/** An endpoint's answer as the fake settles it: a response, or that it was not reached or timed out. */
export type Settled = { status: number; headers: Headers; body: string } | 'unreachable' | 'timeout';

/** `word` is what the attempt is listed with; `waitMs` how long until the next try, undefined for the backoff. */
export interface Outcome {
  word: 'delivered' | 'failed' | 'rejected' | 'throttled' | 'timeout' | 'unreachable';
  error: string | null;
  usesTry: boolean;
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
    return refused === undefined ? { word: 'delivered', error: null, usesTry: true } : { word: 'failed', error: refused, usesTry: true };
  }
  if (status === 429 || (status === 503 && retryAfter)) {
    const waitMs = /^\d+$/.test(retryAfter ?? '') ? Math.min(Number(retryAfter) * 1000, LONGEST_THROTTLE) : 1_000;
    return { word: 'throttled', error, usesTry: false, waitMs };
  }
  if ([408, 425].includes(status) || status >= 500) return { word: 'failed', error, usesTry: true };
  return { word: 'rejected', error, usesTry: true };
}

/** How long after the `tries`-th failed try the next comes: the longest that the service would draw, so that tests know it. */
export function backoff(tries: number): number {
  return Math.min(1_000 * 2 ** Math.min(tries - 1, 20), 600_000);
}

/** What a 2xx's body says went wrong; undefined where it does not say `"success": false`. */
function refusedIn(body: string): string | undefined {
  try {
    const said = JSON.parse(body) as { success?: unknown; error?: unknown; message?: unknown } | null;
    return said?.success === false ? String(said.error || said.message || 'the application answered success: false') : undefined;
  } catch {
    return undefined;
  }
}
