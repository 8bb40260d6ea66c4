/**
 * What an application remembers of the messages it schedules: `Tracker` over a `TrackingStore`, of
 * which there are three for Prisma, Mongoose and plain SQL.
 *
 * @packageDocumentation
 */
export { Tracker, type JobState, type TrackedEvent, type TrackerOptions } from './tracker.js';
export type { RowChanges, RowFilter, TrackedRow, TrackingStore } from './store.js';
export { scheduleEachTracked, scheduleTracked, type Planner, type Scheduler } from './scheduling.js';
export { prismaStore, type PrismaCursors, type PrismaOptions, type PrismaRows } from './prisma.js';
export { mongooseStore, type MongooseCursors, type MongooseRows } from './mongoose.js';
export { sqlStore, sqlTables, type SqlOptions, type SqlQuery } from './sql.js';
export { reconcile, reconcileEvery, type Reconciliation, type ReconcileOptions } from '../reconcile.js';
