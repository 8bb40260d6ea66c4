/**
 * Callback endpoints for Hono.
 *
 * @example
 * app.post('/send-sms', endpoint(receiver, parseSms, sendSms));
 * app.get('/sms-sent/:jobId', askEndpoint(receiver));
 */
import * as fetching from './fetch.js';
import type { Reader } from './messages.js';
import type { Handler, Incoming, Receiver } from './receiver.js';

/** The part of Hono's context that is used. */
export interface HonoContext {
  req: { raw: Request };
}

/** The endpoint whose bodies `reader` reads and `handler` handles; see `Receiver.receive`. */
export function endpoint<T extends Incoming>(receiver: Receiver, reader: Reader<T>, handler: Handler<T>): (context: HonoContext) => Promise<Response> {
  const answer = fetching.endpoint(receiver, reader, handler);
  return (context) => answer(context.req.raw);
}

/** The endpoint that tells whether a message was taken; see `Receiver.ask`. */
export function askEndpoint(receiver: Receiver): (context: HonoContext) => Promise<Response> {
  const answer = fetching.askEndpoint(receiver);
  return (context) => answer(context.req.raw);
}
