/**
 * Callback endpoints for Fastify, as plugins: a plugin's own scope keeps the body as it came, which
 * the signature needs, while other routes parse as before.
 *
 * @example
 * app.register(endpoint(receiver, '/send-sms', parseSms, sendSms));
 * app.register(askEndpoint(receiver, '/sms-sent'));
 */
import type { CallbackAnswer } from './answers.js';
import type { Reader } from './messages.js';
import type { Handler, Incoming, Receiver } from './receiver.js';

/** The part of a Fastify instance that is used. */
export interface FastifyScope {
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(type: any, options: any, parser: any): unknown;
  post(path: string, handler: any): unknown;
  get(path: string, handler: any): unknown;
}

interface Reply {
  code(status: number): Reply;
  headers(headers: Record<string, string>): Reply;
  send(body: string): unknown;
}

/** The endpoint at `path` whose bodies `reader` reads and `handler` handles; see `Receiver.receive`. */
export function endpoint<T extends Incoming>(receiver: Receiver, path: string, reader: Reader<T>, handler: Handler<T>): (scope: FastifyScope) => Promise<void> {
  return async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: receiver.maxBytes }, (_: unknown, body: Uint8Array, done: (error: null, body: Uint8Array) => void) => done(null, body));
    scope.post(path, async (request: { headers: Record<string, string | string[] | undefined>; body?: Uint8Array }, reply: Reply) => {
      const body = request.body ?? new Uint8Array();
      return write(reply, await receiver.receive({ headers: request.headers, body }, reader, handler));
    });
  };
}

/** The endpoint at `path`/:jobId that tells whether a message was taken; see `Receiver.ask`. */
export function askEndpoint(receiver: Receiver, path: string): (scope: FastifyScope) => Promise<void> {
  return async (scope) => {
    scope.get(`${path}/:jobId`, async (request: { headers: Record<string, string | string[] | undefined>; params: { jobId: string } }, reply: Reply) =>
      write(reply, await receiver.ask(request.headers, request.params.jobId)),
    );
  };
}

function write(reply: Reply, { status, headers, body }: CallbackAnswer): unknown {
  return reply.code(status).headers(headers).send(body);
}
