/**
 * Callback endpoints for Express, and for Node's own http server.
 *
 * Mount them before `express.json()`, or give that a `verify` which keeps `request.rawBody`: a
 * signature is over the body as it came.
 *
 * @example
 * app.post('/send-sms', endpoint(receiver, parseSms, sendSms));
 * app.get('/sms-sent/:jobId', askEndpoint(receiver));
 */
import type { CallbackAnswer } from './answers.js';
import { joined, jobIdIn } from './fetch.js';
import type { Reader } from './messages.js';
import { RetryLater } from './refusals.js';
import type { Handler, Incoming, Receiver } from './receiver.js';
import { answer, refused } from './answers.js';
import type { HeaderMap } from './signature.js';

/** The part of a request that is used. */
export interface NodeRequest extends AsyncIterable<unknown> {
  headers: HeaderMap;
  url?: string | undefined;
  readableEnded: boolean;
}

/** The part of a response that is used. */
export interface NodeResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/** The endpoint whose bodies `reader` reads and `handler` handles; see `Receiver.receive`. */
export function endpoint<T extends Incoming>(
  receiver: Receiver,
  reader: Reader<T>,
  handler: Handler<T>,
): (request: NodeRequest, response: NodeResponse) => Promise<void> {
  return async (request, response) => {
    const body = await bodyOf(request, receiver);
    const { headers } = request;
    write(response, body === undefined ? answer(refused(new RetryLater(PARSED))) : await receiver.receive({ headers, body }, reader, handler));
  };
}

/** The endpoint that tells whether a message was taken; see `Receiver.ask`. */
export function askEndpoint(receiver: Receiver): (request: NodeRequest, response: NodeResponse) => Promise<void> {
  return async (request, response) => {
    const pathname = (request.url ?? '').replace(/\?.*$/s, '');
    write(response, await receiver.ask(request.headers, jobIdIn(pathname)));
  };
}

const PARSED = 'the body was parsed before its signature could be checked: mount the endpoint before express.json()';

function write(response: NodeResponse, { status, headers, body }: CallbackAnswer): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(body);
}

/** The body as it came; undefined where a parser has taken it and it is needed for the signature. */
async function bodyOf(request: NodeRequest, receiver: Receiver): Promise<Uint8Array | undefined> {
  const { body, rawBody } = request as { body?: unknown; rawBody?: unknown };
  for (const kept of [rawBody, body]) {
    if (kept instanceof Uint8Array) return kept;
    if (typeof kept === 'string') return new TextEncoder().encode(kept);
  }
  if (request.readableEnded) return receiver.checksSignatures ? undefined : new TextEncoder().encode(JSON.stringify(body));
  const chunks: Uint8Array[] = [];
  let length = 0;
  // What is past the limit is read, so that the answer arrives, and not kept.
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    if (length <= receiver.maxBytes) chunks.push(chunk);
    length += chunk.length;
  }
  return joined(chunks);
}
