/** A tracking store over Prisma's models; structural types, so that Prisma is no dependency. */
import type { RowChanges, RowFilter, TrackedRow, TrackingStore } from './store.js';

/** The part of `prisma.queuedMessage` that is used. */
export interface PrismaRows {
  createMany(args: { data: TrackedRow[]; skipDuplicates?: boolean }): PromiseLike<unknown>;
  updateMany(args: { where: any; data: RowChanges }): PromiseLike<{ count: number }>;
  findMany(args: { where: any; orderBy: any; take: number }): PromiseLike<unknown[]>;
}

/** The part of `prisma.queueCursor` that is used: `feed` is its id, `cursor` its text. */
export interface PrismaCursors {
  findUnique(args: { where: { feed: string } }): PromiseLike<{ cursor: string } | null>;
  upsert(args: { where: { feed: string }; create: { feed: string; cursor: string }; update: { cursor: string } }): PromiseLike<unknown>;
}

/** How the database behind Prisma differs. */
export interface PrismaOptions {
  /** False for SQLite and SQL Server, where Prisma has no `skipDuplicates`. */
  skipDuplicates?: boolean;
}

/**
 * A store over two models:
 *
 * ```prisma
 * model QueuedMessage {
 *   queueKey       String    @id
 *   queueJobId     String?   @unique
 *   queueStatus    String
 *   queueError     String?
 *   queueChangedAt DateTime?
 *   scheduledFor   DateTime
 *   message        String
 *   @@index([queueStatus, scheduledFor, queueKey])
 * }
 * model QueueCursor {
 *   feed   String @id
 *   cursor String
 * }
 * ```
 */
export function prismaStore(rows: PrismaRows, cursors: PrismaCursors, { skipDuplicates = true }: PrismaOptions = {}): TrackingStore {
  return {
    insert: async (data) => rows.createMany({ data: [...data], ...(skipDuplicates && { skipDuplicates }) }),
    update: async (filter, data) => (await rows.updateMany({ where: where(filter), data })).count,
    find: async (filter, take) =>
      (await rows.findMany({ where: where(filter), orderBy: [{ scheduledFor: 'asc' }, { queueKey: 'asc' }], take })) as TrackedRow[],
    cursor: async (feed) => (await cursors.findUnique({ where: { feed } }))?.cursor ?? null,
    keepCursor: async (feed, cursor) => cursors.upsert({ where: { feed }, create: { feed, cursor }, update: { cursor } }),
  };
}

function where(filter: RowFilter): unknown {
  const { queueKeys, queueJobId, otherJobThan, queueStatuses, changedBefore, dueBefore, after } = filter;
  return {
    AND: [
      ...(queueKeys ? [{ queueKey: { in: [...queueKeys] } }] : []),
      ...(queueJobId === undefined ? [] : [{ queueJobId }]),
      ...(otherJobThan === undefined ? [] : [{ OR: [{ queueJobId: null }, { queueJobId: { not: otherJobThan } }] }]),
      ...(queueStatuses ? [{ queueStatus: { in: [...queueStatuses] } }] : []),
      ...(changedBefore ? [{ OR: [{ queueChangedAt: null }, { queueChangedAt: { lt: changedBefore } }] }] : []),
      ...(dueBefore ? [{ scheduledFor: { lt: dueBefore } }] : []),
      ...(after
        ? [{ OR: [{ scheduledFor: { gt: after.scheduledFor } }, { scheduledFor: after.scheduledFor, queueKey: { gt: after.queueKey } }] }]
        : []),
    ],
  };
}
