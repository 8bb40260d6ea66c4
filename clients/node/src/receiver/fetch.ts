/** Callback endpoints as `Request -> Response`: for Deno, Bun, workers, route handlers of Next.js and tests. */
import type { CallbackAnswer } from './answers.js';
import type { Reader } from './messages.js';
import type { Handler, Incoming, Receiver } from './receiver.js';

/** The endpoint whose bodies `reader` reads and `handler` handles; see `Receiver.receive`. */
export function endpoint<T extends Incoming>(receiver: Receiver, reader: Reader<T>, handler: Handler<T>): (request: Request) => Promise<Response> {
  return async (request) => {
    const headers = Object.fromEntries(request.headers);
    return response(await receiver.receive({ headers, body: await bodyOf(request, receiver.maxBytes) }, reader, handler));
  };
}

/** The endpoint that tells whether a message was taken: mount it at `{askEndpoint}/:jobId`; see `Receiver.ask`. */
export function askEndpoint(receiver: Receiver): (request: Request) => Promise<Response> {
  return async (request) => response(await receiver.ask(Object.fromEntries(request.headers), jobIdIn(new URL(request.url).pathname)));
}

/** The last segment of an ask's path. */
export function jobIdIn(pathname: string): string {
  const segment = pathname.slice(pathname.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function response({ status, headers, body }: CallbackAnswer): Response {
  return new Response(body, { status, headers });
}

/** The body, or its first bytes past `limit`: no more is held of a body that is refused anyway. */
async function bodyOf(request: Request, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  for (let part = await reader?.read(); part?.value && length <= limit; part = await reader?.read()) {
    chunks.push(part.value);
    length += part.value.length;
  }
  if (length > limit) await reader?.cancel();
  return joined(chunks);
}

/** The chunks as one. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let place = 0;
  for (const chunk of chunks) {
    whole.set(chunk, place);
    place += chunk.length;
  }
  return whole;
}
