/**
 * Queue Services in memory, behind the very class that an application uses. For tests; opens no
 * socket and never waits. What is asked is checked, written and read as for the real service.
 */
import type { Lost, Outgoing, Reply } from '../call.js';
import { QueueServiceError } from '../errors.js';
import type { Channel } from '../messages.js';
import { QueueService } from '../service.js';
import { QueueClock } from './clock.js';
import { FakeFigures } from './figures.js';
import { Exchanges, type Exchange, type Paths } from './exchanges.js';
import type { Accepted } from './intake.js';
import type { Settled } from './outcome.js';
import { FakeQueue } from './queue.js';
import { problem, Routes } from './routes.js';

/** A whole response, an HTTP status, nothing for 200, or that it was not reached or timed out. */
export type EndpointAnswer = Response | number | void | 'unreachable' | 'timeout';
/** An application's endpoint: the request that the service would send becomes an answer. */
export type Endpoint = (request: Request) => EndpointAnswer | Promise<EndpointAnswer>;
/** One for every callback, or one by path; a path that is not there answers 404. */
export type Endpoints = Endpoint | Record<string, Endpoint>;

/** A callback as the application's endpoint got it. */
export interface Callback {
  path: string;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

/** How far the clock moves. */
export interface Step {
  days?: number;
  hours?: number;
  minutes?: number;
  seconds?: number;
  milliseconds?: number;
}

/** What the fake is made of. */
export interface FakeOptions {
  clock?: QueueClock;
  /** Callbacks are signed with it. */
  signingSecret?: string;
  /** The paths by channel to which whole batches go. */
  batchEndpoints?: Paths['batch'];
  /** The paths at which the application is asked whether a message was delivered whose endpoint had timed out. */
  askEndpoints?: Paths['ask'];
}

/**
 * A QueueService without a service. `deliver` gets the callbacks when `advance` reaches them; without
 * it every one is accepted. Retries, Retry-After and the final states are those of the service;
 * limits, send windows and holds of whole workspaces are not played.
 *
 * @example
 * const fake = new FakeQueueService({ '/send-sms': endpoint(receiver, parseSms, sendSms) });
 * await fake.scheduleSms({ phoneNumber, message, contactId, workspaceId }, 86_400_000);
 * await fake.advance({ days: 2 });
 */
export class FakeQueueService extends QueueService {
  readonly clock: QueueClock;
  /** The callbacks made so far. */
  readonly callbacks: Callback[] = [];
  private readonly queue: FakeQueue;
  private readonly figures: FakeFigures;
  private readonly routes: Routes;
  private readonly exchanges: Exchanges;
  private readonly failures: (Reply | Lost)[] = [];

  constructor(
    public deliver: Endpoints = () => {},
    { clock = new QueueClock(), signingSecret, batchEndpoints = {}, askEndpoints = {} }: FakeOptions = {},
  ) {
    const sleep = async (milliseconds: number): Promise<void> => clock.moveTo(clock.now().getTime() + milliseconds);
    super({ baseUrl: 'http://queue.test', now: () => clock.now(), sleep });
    this.clock = clock;
    this.queue = new FakeQueue(clock, new Set(Object.keys(askEndpoints) as Channel[]));
    this.exchanges = new Exchanges(this.queue, { batch: batchEndpoints, ask: askEndpoints }, signingSecret);
    this.figures = new FakeFigures(this.queue);
    this.routes = new Routes(this.queue, this.figures);
  }

  /** Everything that was accepted, in order. */
  get messages(): Accepted[] {
    return [...this.queue.held.values()].map(({ message }) => message);
  }

  /** Let the next requests fail: with an HTTP status, or without an answer ("lost"). */
  failNext(...failures: readonly (number | 'lost')[]): void {
    for (const failure of failures) {
      this.failures.push(failure === 'lost' ? { lost: 'the test said so', sent: true } : problem(new QueueServiceError('the test said so'), failure));
    }
  }

  /** Let the workspace have exceeded its limit now, with `due` messages due. */
  exceedLimit(workspaceId: string, channel: Channel, due = 100): void {
    this.figures.exceed(workspaceId, channel, due);
  }

  /** Let the workspace use that share (0-1) of its limit from now on. */
  useLimit(workspaceId: string, channel: Channel, utilization: number): void {
    this.figures.use(workspaceId, channel, utilization);
  }

  /**
   * Move the clock and deliver in order what falls due on the way, at its time; with no argument, what
   * is due now. Rejects with what an endpoint throws, the message then waits as before; and with
   * RangeError for a step back.
   */
  async advance({ days = 0, hours = 0, minutes = 0, seconds = 0, milliseconds = 0 }: Step = {}): Promise<void> {
    const step = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + milliseconds;
    if (!(step >= 0)) throw new RangeError('the clock only moves forward');
    const until = this.clock.now().getTime() + step;
    for (let exchange = await this.exchanges.take(until); exchange !== undefined; exchange = await this.exchanges.take(until)) {
      let settled: Settled;
      try {
        settled = await this.asked(exchange);
      } catch (error) {
        for (const held of exchange.messages) this.queue.release(held);
        throw error;
      }
      exchange.settle(settled);
    }
    this.clock.moveTo(until);
  }

  /** Answers from memory. */
  override async send(request: Outgoing): Promise<Reply | Lost> {
    return this.failures.shift() ?? this.routes.answer(request);
  }

  private async asked({ path, request }: Exchange): Promise<Settled> {
    const text = await request.clone().text();
    this.callbacks.push({ path, headers: Object.fromEntries(request.headers), body: text ? JSON.parse(text) : {} });
    const answer = await this.endpoint(path.replace(/\?.*$/s, ''))(request);
    if (answer === 'unreachable' || answer === 'timeout') return answer;
    const response = answer instanceof Response ? answer : new Response(null, { status: answer ?? 200 });
    return { status: response.status, headers: response.headers, body: await response.text() };
  }

  /** The endpoint at `path`; that of a question is found without its job id. */
  private endpoint(path: string): Endpoint {
    if (typeof this.deliver === 'function') return this.deliver;
    return this.deliver[path] ?? this.deliver[path.slice(0, path.lastIndexOf('/'))] ?? (() => 404);
  }
}
