/**
 * The callback endpoints of an application: checks what the service POSTs and hands it on as typed
 * messages, each once. Adapters: `receiver/express` (and Node's http), `receiver/fastify`,
 * `receiver/hono`, `receiver/fetch`.
 *
 * @packageDocumentation
 */
export { Receiver, type CallbackRequest, type Handler, type Incoming, type ReceiverOptions, type Workspaces } from './receiver.js';
export type { CallbackAnswer } from './answers.js';
export { LEASE, MemoryDeduplicator, type Claim, type Deduplicator, type State } from './deduplicator.js';
export { deliveryTable, SqlDeduplicator } from './sql.js';
export { FieldMap } from './fields.js';
export { parse, parseEmail, parseEvent, parseSms, type Delivered, type EmailMessage, type Event, type Reader, type SmsMessage } from './messages.js';
export { Refusal, Reject, RetryLater, SlowDown, UnknownWorkspace, Unreadable, Unverified } from './refusals.js';
export { decodeSecret, sign, verify, type HeaderMap } from './signature.js';
