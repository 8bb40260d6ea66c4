/**
 * For an application's tests: Queue Services in memory, with a clock that the test moves.
 *
 * @packageDocumentation
 */
export { QueueClock } from './clock.js';
export { FakeQueueService, type Callback, type Endpoint, type EndpointAnswer, type Endpoints, type FakeOptions, type Step } from './fake.js';
export type { Accepted } from './intake.js';
