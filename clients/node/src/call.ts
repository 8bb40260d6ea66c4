/**
 * One call of the API as a value, and the exchange that carries it out: what its answers mean and
 * when it is sent again. Nothing here sends or sleeps; a `Caller` does.
 */
import {
  Conflict,
  NotFound,
  OverQuota,
  QueueServiceError,
  Unauthorized,
  Unavailable,
  ValidationFailed,
  type Fault,
} from './errors.js';

export const JSON_TYPE = 'application/json';
export const NDJSON_TYPE = 'application/x-ndjson';
export const PROBLEM_TYPE = 'application/problem+json';

/** What goes out: `body` is undefined where there is none. */
export interface Outgoing {
  method: string;
  path: string;
  query: Record<string, string>;
  body: string | undefined;
  contentType: string;
}

/** What came back; header names in lower case. */
export interface Reply {
  status: number;
  body: string;
  headers: Record<string, string>;
}

/** Nothing came back. `sent` is false only where the service certainly got nothing. */
export interface Lost {
  lost: string;
  sent: boolean;
}

/**
 * What is asked and how its answer is read. `repeatable`: asked twice it does no more than once,
 * so it may be sent again when its answer was lost.
 */
export interface Call<T> extends Outgoing {
  repeatable: boolean;
  read(body: string): T;
}

/** How often a call is tried and how long it waits, in milliseconds; see `Retries`. */
export interface RetryOptions {
  attempts?: number;
  firstMs?: number;
  longestMs?: number;
  patienceMs?: number;
}

/**
 * The wait before the next try is random up to `firstMs`, doubling to `longestMs` (full jitter);
 * where the service says Retry-After, that long and the jitter on top. A call gives up after
 * `attempts` tries, or rather than wait more than `patienceMs` in all.
 */
export class Retries {
  private readonly attempts: number;
  private readonly firstMs: number;
  private readonly longestMs: number;
  private readonly patienceMs: number;

  constructor({ attempts = 5, firstMs = 250, longestMs = 8_000, patienceMs = 60_000 }: RetryOptions = {}) {
    this.attempts = attempts;
    this.firstMs = firstMs;
    this.longestMs = longestMs;
    this.patienceMs = patienceMs;
  }

  /** How long to wait after the `tried`-th try, having `waitedMs` already; undefined to give up. */
  wait(tried: number, retryAfterSeconds: number | undefined, waitedMs: number): number | undefined {
    if (tried >= this.attempts) return undefined;
    const jitter = Math.random() * Math.min(this.longestMs, this.firstMs * 2 ** (tried - 1));
    const pause = (retryAfterSeconds ?? 0) * 1000 + jitter;
    return waitedMs + pause <= this.patienceMs ? pause : undefined;
  }
}

/** What carries out calls: it sends one request once, tells the time and waits. */
export interface Caller {
  retries: Retries;
  send(request: Outgoing): Promise<Reply | Lost>;
  now(): Date;
  sleep(milliseconds: number, signal?: AbortSignal): Promise<unknown>;
}

/** Carries out `call`, as often as it may be sent. Throws a QueueServiceError. */
export async function exchange<T>(call: Call<T>, caller: Caller): Promise<T> {
  let waited = 0;
  for (let tried = 1; ; tried += 1) {
    const reply = await caller.send(call);
    const error = refusal(reply, caller.now());
    if (error === undefined) return answer(call, (reply as Reply).body);
    const retryAfter = 'retryAfter' in error ? (error.retryAfter as number | undefined) : undefined;
    const pause = mayRepeat(call, reply) ? caller.retries.wait(tried, retryAfter, waited) : undefined;
    if (pause === undefined) throw error;
    waited += pause;
    await caller.sleep(pause);
  }
}

/** What was refused unread may be sent again always, what may have been carried out only if repeatable. */
export function mayRepeat(call: { repeatable: boolean }, reply: Reply | Lost): boolean {
  if ('lost' in reply) return call.repeatable || !reply.sent;
  return reply.status === 429 || (call.repeatable && [502, 503, 504].includes(reply.status));
}

/**
 * The error that a reply stands for; undefined for a 2xx. A 404 counts as NotFound only in the
 * service's own words (application/problem+json): a proxy's page must not read as "no such job".
 */
export function refusal(reply: Reply | Lost, now: Date): QueueServiceError | undefined {
  if ('lost' in reply) return new Unavailable(`Queue Services did not answer: ${reply.lost}`);
  const { status } = reply;
  if (status >= 200 && status < 300) return undefined;
  const problem = problemOf(reply);
  const message = problem?.detail || problem?.title || `Queue Services answered ${status}`;
  if (status === 401 || status === 403) return new Unauthorized(message, status);
  if (status === 404 && problem) return new NotFound(message, status);
  if (status === 409) return new Conflict(message, status);
  if (status === 429) return new OverQuota(message, retryAfter(reply, now) ?? 1, status);
  if (status === 404 || status < 400 || status >= 500) return new Unavailable(message, retryAfter(reply, now), status);
  return new ValidationFailed(message, problem?.errors ?? [], status);
}

/** The seconds that Retry-After (RFC 9110, 10.2.3: seconds or a date) asks for. */
function retryAfter(reply: Reply, now: Date): number | undefined {
  const value = reply.headers['retry-after']?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value);
  const moment = Date.parse(value);
  return Number.isNaN(moment) ? undefined : Math.max(0, (moment - now.getTime()) / 1000);
}

interface Problem {
  title?: string;
  detail?: string;
  errors?: Fault[];
}

function problemOf(reply: Reply): Problem | undefined {
  if (!reply.headers['content-type']?.startsWith(PROBLEM_TYPE)) return undefined;
  try {
    return JSON.parse(reply.body) as Problem;
  } catch {
    return {};
  }
}

function answer<T>(call: Call<T>, body: string): T {
  try {
    return call.read(body);
  } catch (error) {
    throw new Unavailable(
      `The answer to ${call.method} ${call.path} is not one of Queue Services: ${(error as Error).message}`,
    );
  }
}
