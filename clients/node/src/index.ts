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
export { delayFor, EVERY_DAY, MONDAY_TO_FRIDAY, sendAt, type Weekdays } from './calendar.js';
export { CampaignBuilder, type CampaignOptions, type LaunchOptions } from './campaigns.js';
export { idempotencyKey, type Contact, type Launch, type Launched, type Step } from './plan.js';
export { dollarTemplates, type Compile, type Render } from './templates.js';
export { Rollout, type RolloutOptions } from './rollout.js';
export { NotificationManager, type Notification, type NotificationDefaults } from './notifications.js';
export { Monitor, type Alert, type MonitorOptions, type Raise } from './monitor.js';
export { reconcile, reconcileEvery, type Reconciliation, type ReconcileEveryOptions, type ReconcileOptions } from './reconcile.js';
export { scheduleEachTracked, scheduleTracked, Tracker, type TrackingStore } from './tracking/index.js';
