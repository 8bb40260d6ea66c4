/** A tracking store over Mongoose models; structural types, so that Mongoose is no dependency. */
import type { RowChanges, RowFilter, TrackedRow, TrackingStore } from './store.js';

/** The part of a Mongoose model of tracked messages that is used. */
export interface MongooseRows {
  insertMany(rows: any[], options: { ordered: false }): PromiseLike<unknown>;
  updateMany(filter: any, update: { $set: RowChanges }): PromiseLike<{ modifiedCount: number }>;
  find(filter: any): { sort(order: any): { limit(count: number): { lean(): PromiseLike<unknown> } } };
}

/** The part of a Mongoose model of cursors that is used: `feed` is unique, `cursor` its text. */
export interface MongooseCursors {
  findOne(filter: any): { lean(): PromiseLike<unknown> };
  updateOne(filter: any, update: any, options: { upsert: true }): PromiseLike<unknown>;
}

const DUPLICATE = 11_000;

/**
 * A store over two models. The first has the fields of `TrackedRow` (`queueKey` with a unique index,
 * the others as in the service's guide: `queueJobId`, `queueStatus`, `queueError`, `scheduledFor`)
 * and may have more; the second has `feed` and `cursor`.
 */
export function mongooseStore(rows: MongooseRows, cursors: MongooseCursors): TrackingStore {
  return {
    insert: async (added) => {
      try {
        await rows.insertMany([...added], { ordered: false });
      } catch (error) {
        if (!onlyDuplicates(error)) throw error;
      }
    },
    update: async (filter, $set) => (await rows.updateMany(where(filter), { $set })).modifiedCount,
    find: async (filter, limit) =>
      ((await rows.find(where(filter)).sort({ scheduledFor: 1, queueKey: 1 }).limit(limit).lean()) as TrackedRow[]).map(complete),
    cursor: async (feed) => ((await cursors.findOne({ feed }).lean()) as { cursor: string } | null)?.cursor ?? null,
    keepCursor: async (feed, cursor) => cursors.updateOne({ feed }, { $set: { cursor } }, { upsert: true }),
  };
}

/** A document may lack what was never set. */
function complete(row: TrackedRow): TrackedRow {
  return { ...row, queueJobId: row.queueJobId ?? null, queueError: row.queueError ?? null, queueChangedAt: row.queueChangedAt ?? null };
}

function onlyDuplicates(error: unknown): boolean {
  const { code, writeErrors = [] } = error as { code?: number; writeErrors?: { code?: number; err?: { code?: number } }[] };
  return code === DUPLICATE && writeErrors.every((one) => (one.code ?? one.err?.code) === DUPLICATE);
}

function where(filter: RowFilter): unknown {
  const { queueKeys, queueJobId, otherJobThan, queueStatuses, changedBefore, dueBefore, after } = filter;
  const conditions = [
    ...(queueKeys ? [{ queueKey: { $in: [...queueKeys] } }] : []),
    ...(queueJobId === undefined ? [] : [{ queueJobId }]),
    ...(otherJobThan === undefined ? [] : [{ queueJobId: { $ne: otherJobThan } }]),
    ...(queueStatuses ? [{ queueStatus: { $in: [...queueStatuses] } }] : []),
    ...(changedBefore ? [{ $or: [{ queueChangedAt: null }, { queueChangedAt: { $lt: changedBefore } }] }] : []),
    ...(dueBefore ? [{ scheduledFor: { $lt: dueBefore } }] : []),
    ...(after
      ? [{ $or: [{ scheduledFor: { $gt: after.scheduledFor } }, { scheduledFor: after.scheduledFor, queueKey: { $gt: after.queueKey } }] }]
      : []),
  ];
  return conditions.length ? { $and: conditions } : {};
}
