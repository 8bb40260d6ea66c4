/**
 * What the fake service asks of the application, and what it does with the answer: a message, a batch
 * of them, or whether a message was delivered.
 */
import type { Channel } from '../messages.js';
import { decodeSecret, sign } from '../receiver/signature.js';
import { membersOf, ownEndpoint, type Held } from './held.js';
import type { Settled } from './outcome.js';
import type { FakeQueue } from './queue.js';

const ENDPOINTS = { sms: '/send-sms', email: '/api/email/send' };
const BATCH_SIZE = 100;

/** One request for messages that are now PROCESSING, and what its answer does to them. */
export interface Exchange {
  messages: readonly Held[];
  path: string;
  request: Request;
  settle(answer: Settled): void;
}

/** The application's paths by channel, for whole batches and for the question before a message is sent again. */
export interface Paths {
  batch: Partial<Record<Channel, string>>;
  ask: Partial<Record<Channel, string>>;
}

/** Makes the requests. */
export class Exchanges {
  private sent = 0;

  constructor(
    private readonly queue: FakeQueue,
    private readonly paths: Paths,
    private readonly secret: string | undefined,
  ) {}

  /** The next exchange that is due by `until`, the clock moved to its time. */
  async take(until: number): Promise<Exchange | undefined> {
    const held = this.queue.take(until);
    if (held === undefined) return undefined;
    const { channel } = held.message;
    const [batch, ask] = [this.paths.batch[channel], this.paths.ask[channel]];
    if (held.unconfirmed && ask !== undefined) return this.question(held, ask);
    return batch !== undefined && ownEndpoint(held) === undefined ? this.batch(held, batch) : this.single(held);
  }

  private async single(held: Held): Promise<Exchange> {
    const { channel, workspaceId } = held.message;
    const path = ownEndpoint(held) ?? ENDPOINTS[channel];
    const headers = { 'idempotency-key': held.jobId, 'x-attempt': String(held.attempts.length + 1) };
    const request = await this.request(path, workspaceId, held.jobId, JSON.stringify(membersOf(held)), headers);
    return { messages: [held], path, request, settle: (answer) => this.queue.settle(held, answer) };
  }

  private async batch(first: Held, path: string): Promise<Exchange> {
    const { workspaceId, channel } = first.message;
    const messages = [first, ...this.queue.takeMore(first, first.batchLimit ?? BATCH_SIZE)];
    this.sent += 1;
    const batchId = `batch-${this.sent}`;
    const each = messages.map((held) => ({ ...membersOf(held), attempt: held.attempts.length + 1 }));
    const body = JSON.stringify({ batchId, workspaceId, channel, messages: each });
    const request = await this.request(path, workspaceId, batchId, body, { 'idempotency-key': batchId });
    return { messages, path, request, settle: (answer) => this.queue.settleBatch(messages, answer) };
  }

  private async question(held: Held, endpoint: string): Promise<Exchange> {
    const path = `${endpoint}/${held.jobId}`;
    const request = await this.request(path, held.message.workspaceId, held.jobId, undefined, {});
    return { messages: [held], path, request, settle: (answer) => this.queue.confirm(held, answer) };
  }

  /** A POST of `body`, or a GET where there is none; signed where there is a secret. */
  private async request(path: string, workspaceId: string, id: string, body: string | undefined, own: Record<string, string>): Promise<Request> {
    const headers: Record<string, string> = { 'x-workspace-id': workspaceId, ...own };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (this.secret !== undefined) {
      const timestamp = String(Math.floor(this.queue.clock.seconds()));
      headers['webhook-id'] = id;
      headers['webhook-timestamp'] = timestamp;
      headers['webhook-signature'] = await sign(decodeSecret(this.secret), id, timestamp, new TextEncoder().encode(body ?? ''));
    }
    const init = body === undefined ? { headers } : { method: 'POST', headers, body };
    return new Request(`http://application.test${path}`, init);
  }
}
