/**
 * What a store of tracked messages must do: five methods over one table (or collection) and a small
 * one for cursors. `prismaStore`, `mongooseStore` and `sqlStore` are three.
 */
import type { Status } from '../api.js';

/** A message as the application remembers it. A table of the application's own may have more columns. */
export interface TrackedRow {
  /** Its idempotency key, unique among all that is tracked. */
  queueKey: string;
  /** The service's id, once it is scheduled. */
  queueJobId: string | null;
  queueStatus: Status;
  queueError: string | null;
  /** Since when it has that status, by the service; null while that is not known. */
  queueChangedAt: Date | null;
  scheduledFor: Date;
  /** The message itself as JSON, from which a lost one is scheduled again. */
  message: string;
}

/** What a row must fulfil; every member that is given counts. */
export interface RowFilter {
  queueKeys?: readonly string[];
  /** This job, or null: not known to be scheduled. */
  queueJobId?: string | null;
  /** No job, or another one than this. */
  otherJobThan?: string;
  queueStatuses?: readonly Status[];
  /** Changed earlier than this, or not known when. */
  changedBefore?: Date;
  dueBefore?: Date;
  /** What follows this row, by `scheduledFor`, then `queueKey`. */
  after?: { scheduledFor: Date; queueKey: string };
}

/** What may be changed of a row. */
export type RowChanges = Partial<Omit<TrackedRow, 'queueKey'>>;

/** The five methods. Each is atomic by itself; nothing here needs a transaction around several. */
export interface TrackingStore {
  /** Adds rows; those whose key is there already are left as they are, or the call rejects and adds none. */
  insert(rows: readonly TrackedRow[]): Promise<unknown>;
  /** Changes every row that matches, and resolves to how many. */
  update(filter: RowFilter, changes: RowChanges): Promise<number>;
  /** The rows that match, by `scheduledFor`, then `queueKey`, at most `limit`. */
  find(filter: RowFilter, limit: number): Promise<TrackedRow[]>;
  /** How far the changes of a feed were read; null before the first time. */
  cursor(feed: string): Promise<string | null>;
  /** Keeps how far they were read. */
  keepCursor(feed: string, cursor: string): Promise<unknown>;
}
