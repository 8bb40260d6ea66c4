/**
 * Queue Services for Node: the service layer of an application. `queue-services/receiver` takes its
 * callbacks, `queue-services/tracking` remembers its messages, `queue-services/testing` is a fake.
 *
 * @packageDocumentation
 */
export * from './errors.js';
export { scheduleEmail, scheduleSms } from './module.js';
export { QueueService, type ServiceOptions } from './service.js';
export type { RetryOptions } from './call.js';
export type { Channel, Delay, EmailData, Message, MessageOptions, Priority, SmsData } from './messages.js';
export type { BulkProgress, ScheduledMany, ScheduleResult } from './results.js';
export type { Entries, Entry, Known, OnProgress } from './bulk.js';
export type * from './api.js';
export type { Calls } from './schema.js';
