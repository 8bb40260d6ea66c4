/**
 * A callback endpoint without a web framework: request in, answer out.
 *
 * In order: is it from the service, can it be read, is the workspace ours, did it come before; then
 * the application's handler, then the answer. Never rejects for what a request holds: everything
 * becomes an answer that the service understands.
 */
import { ValidationFailed } from '../errors.js';
import { each } from '../parallel.js';
import { answer, batchAnswer, json, refused, type CallbackAnswer, type Result } from './answers.js';
import { MemoryDeduplicator, type Deduplicator } from './deduplicator.js';
import { batchOf, parsedJson, partOf, type Delivered, type Event, type Reader } from './messages.js';
import { InProgress, NotAdmitted, Refusal, TooLarge, UnknownWorkspace, Unverified } from './refusals.js';
import { decodeSecret, header, verify, type HeaderMap } from './signature.js';

/** A callback as the application's HTTP server sees it. */
export interface CallbackRequest {
  headers: HeaderMap;
  body: Uint8Array;
}

/** The workspaces an application knows, or a function that tells. */
export type Workspaces = Iterable<string> | ((workspaceId: string) => boolean | Promise<boolean>);
/** Returns when the message is sent, or throws RetryLater, SlowDown or Reject; anything else is answered 500. */
export type Handler<T> = (message: T) => unknown;
/** What an endpoint may be for. */
export type Incoming = Delivered | Event;

/** What a receiver checks and remembers. */
export interface ReceiverOptions {
  /** The whole `authorization` header that the service is set to send. */
  authorization?: string;
  /** Undefined admits any. */
  workspaces?: Workspaces;
  /** In memory by default; `SqlDeduplicator` where there are several processes. */
  deduplicator?: Deduplicator;
  /** The largest body that is read; 16 MiB by default. */
  maxBytes?: number;
  /** Unix seconds. */
  clock?: () => number;
  /** Called with what a handler throws that is no Refusal; console.error by default. */
  onError?: (error: unknown, key: string | undefined) => unknown;
}

/**
 * Checks callbacks and calls the application's handlers, each message once. `secrets`: the signing
 * secret, or several during a rotation; null only where nobody else can reach the endpoint, or with
 * `authorization`. Throws ValidationFailed for a secret that is empty or not base64, so that a
 * missing setting is no open endpoint.
 */
export class Receiver {
  readonly maxBytes: number;
  /** Whether signatures are checked, for which the body is needed as it came. */
  readonly checksSignatures: boolean;
  private readonly keys: Uint8Array[] | null;
  private readonly known: ((workspaceId: string) => boolean | Promise<boolean>) | undefined;
  private readonly deduplicator: Deduplicator;
  private readonly options: ReceiverOptions;

  constructor(secrets: string | Iterable<string> | null, options: ReceiverOptions = {}) {
    const given = typeof secrets === 'string' ? [secrets] : secrets;
    if (given === undefined) throw ValidationFailed.of({ field: 'secrets', message: 'no signing secret is given; give one, or null for an endpoint that nobody else can reach' });
    this.keys = given === null ? null : [...given].map(decodeSecret);
    if (this.keys?.length === 0) throw ValidationFailed.of({ field: 'secrets', message: 'the list of signing secrets is empty' });
    if (options.authorization === '') throw ValidationFailed.of({ field: 'authorization', message: "give the header's whole value, or leave it out" });
    this.checksSignatures = this.keys !== null;
    this.known = knows(options.workspaces);
    this.deduplicator = options.deduplicator ?? new MemoryDeduplicator();
    this.maxBytes = options.maxBytes ?? 16 * 2 ** 20;
    this.options = options;
  }

  /** The answer to a callback: its message, or each of its batch, is read by `reader` and given to `handler`. */
  async receive<T extends Incoming>(request: CallbackRequest, reader: Reader<T>, handler: Handler<T>): Promise<CallbackAnswer> {
    try {
      await this.check(request);
      const parsed = parsedJson(request.body);
      const batch = batchOf(parsed);
      if (batch === undefined) return answer(await this.handle(() => reader(parsed as object, attemptOf(request.headers)), handler));
      if (batch.workspaceId !== undefined) await this.admit(batch.workspaceId);
      const attempt = attemptOf(request.headers);
      const results: Result[] = [];
      await each(batch.messages.entries(), async ([index, part]) => {
        const result = await this.handle(() => partOf(part, reader, attempt), handler);
        const jobId = (part as { jobId?: unknown } | null)?.jobId;
        results[index] = typeof jobId === 'string' ? { ...result, jobId } : result;
      });
      return batchAnswer(results);
    } catch (error) {
      return answer(this.failed(error));
    }
  }

  /**
   * The answer to "was this message taken?" (`GET {askEndpoint}/{jobId}`): 200 `{"delivered": true}`
   * only for an accepted one, 202 while its handler runs, 404 `{"delivered": false}` otherwise.
   */
  async ask(headers: HeaderMap, jobId: string): Promise<CallbackAnswer> {
    try {
      await this.check({ headers, body: new Uint8Array() });
      const workspaceId = header(headers, 'x-workspace-id');
      if (workspaceId) await this.admit(workspaceId);
      const state = await this.checked(async () => this.deduplicator.state?.(jobId, this.now()), jobId);
      if (state === 'inProgress') return json(202, {});
      return state === 'accepted' ? json(200, { delivered: true }) : json(404, { delivered: false });
    } catch (error) {
      return answer(this.failed(error));
    }
  }

  private async check({ headers, body }: CallbackRequest): Promise<void> {
    if (body.length > this.maxBytes) throw new TooLarge(`the body is larger than ${this.maxBytes} bytes`);
    if (this.keys !== null) await verify(headers, body, this.keys, { now: this.now() });
    const { authorization } = this.options;
    if (authorization !== undefined && !(await same(header(headers, 'authorization'), authorization))) {
      throw new Unverified('the header authorization is not the one agreed on');
    }
  }

  private async admit(workspaceId: string): Promise<void> {
    const known = await this.checked(async () => this.known?.(workspaceId) ?? true, workspaceId);
    if (!known) throw new UnknownWorkspace(`workspace '${workspaceId}' is not known here`);
  }

  /** What a check before the handler finds. A failure of its own is reported, and uses up no try. */
  private async checked<R>(check: () => Promise<R>, of: string): Promise<R> {
    try {
      return await check();
    } catch (error) {
      if (error instanceof Refusal) throw error;
      this.report(error, of);
      throw new NotAdmitted();
    }
  }

  private async handle<T extends Incoming>(read: () => T, handler: Handler<T>): Promise<Result> {
    let key: string | undefined;
    try {
      const message = read();
      key = 'eventId' in message ? message.eventId : message.jobId;
      if (!('eventId' in message)) await this.admit(message.workspaceId);
      const now = this.now();
      const claimed = key;
      const claim = await this.checked(async () => this.deduplicator.claim(claimed, now), key);
      if (claim === 'accepted') return { success: true, status: 200, jobId: key, duplicate: true };
      if (claim === 'inProgress') throw new InProgress();
      await this.carryOut(() => handler(message), key, now);
      return { success: true, status: 200, jobId: key };
    } catch (error) {
      return this.failed(error, key);
    }
  }

  private async carryOut(work: () => unknown, key: string, claimedAt: number): Promise<void> {
    try {
      await work();
    } catch (error) {
      await this.remembering(() => this.deduplicator.release(key, claimedAt), key);
      throw error;
    }
    await this.remembering(() => this.deduplicator.accept(key, this.now()), key);
  }

  /** The message went out, or did not: the answer says so whether that is remembered or not. */
  private async remembering(step: () => unknown, key: string): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.report(error, key);
    }
  }

  private failed(error: unknown, key?: string): Result {
    if (!(error instanceof Refusal)) this.report(error, key);
    return refused(error, key);
  }

  private report(error: unknown, key: string | undefined): void {
    (this.options.onError ?? ((problem, of) => console.error(`the handler of ${of ?? 'a callback'} failed`, problem)))(error, key);
  }

  private now(): number {
    return this.options.clock?.() ?? Date.now() / 1000;
  }
}

function knows(workspaces: Workspaces | undefined): ((workspaceId: string) => boolean | Promise<boolean>) | undefined {
  if (workspaces === undefined || typeof workspaces === 'function') return workspaces;
  const known = new Set(workspaces);
  return (workspaceId) => known.has(workspaceId);
}

function attemptOf(headers: HeaderMap): number {
  const number = header(headers, 'x-attempt');
  return /^\d{1,9}$/.test(number) ? Number(number) : 1;
}

/** Compares digests, so that the time taken tells nothing of the text. */
async function same(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([one, other].map(async (text) => new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))));
  return first !== undefined && first.every((byte, place) => byte === second?.[place]);
}
