/** A tracking store in plain SQL, over any driver: pg, mysql2, better-sqlite3 and others. */
import type { RowFilter, TrackedRow, TrackingStore } from './store.js';

/** Runs one statement: the rows it returns, and how many it changed. Wrap your driver in it. */
export type SqlQuery = (text: string, values: unknown[]) => Promise<{ rows: any[]; changed: number }>;

/** How the database spells things, and the tables' names. */
export interface SqlOptions {
  dialect?: 'postgres' | 'mysql' | 'sqlite';
  table?: string;
  cursors?: string;
}

const COLUMNS = {
  queueKey: 'queue_key',
  queueJobId: 'queue_job_id',
  queueStatus: 'queue_status',
  queueError: 'queue_error',
  queueChangedAt: 'queue_changed_at',
  scheduledFor: 'scheduled_for',
  message: 'message',
} as const satisfies Record<keyof TrackedRow, string>;
const FIELDS = Object.keys(COLUMNS) as (keyof TrackedRow)[];

/** A store in the tables that `sqlTables` creates. */
export function sqlStore(query: SqlQuery, options: SqlOptions = {}): TrackingStore {
  const { dialect = 'postgres', table = 'queued_message', cursors = 'queue_cursor' } = options;
  const [rows, feeds, cursorColumn] = [table, cursors, 'cursor'].map((name) => quoted(name, dialect)) as [string, string, string];
  const columns = FIELDS.map((field) => COLUMNS[field]).join(', ');
  return {
    insert: async (added) => {
      const bound = new Values(dialect);
      const lines = added.map((row) => `(${FIELDS.map((field) => bound.add(row[field])).join(', ')})`).join(', ');
      const [ignore, conflict] = dialect === 'mysql' ? ['ignore ', ''] : ['', ' on conflict (queue_key) do nothing'];
      await query(`insert ${ignore}into ${rows} (${columns}) values ${lines}${conflict}`, bound.values);
    },
    update: async (filter, changes) => {
      const bound = new Values(dialect);
      const given = FIELDS.filter((field) => field !== 'queueKey' && field in changes) as (keyof typeof changes)[];
      const set = given.map((field) => `${COLUMNS[field]} = ${bound.add(changes[field])}`).join(', ');
      return (await query(`update ${rows} set ${set} where ${where(filter, bound)}`, bound.values)).changed;
    },
    find: async (filter, limit) => {
      const bound = new Values(dialect);
      const text = `select * from ${rows} where ${where(filter, bound)} order by scheduled_for, queue_key limit ${Math.floor(limit)}`;
      return (await query(text, bound.values)).rows.map(read);
    },
    cursor: async (feed) => {
      const bound = new Values(dialect);
      const found = await query(`select ${cursorColumn} from ${feeds} where feed = ${bound.add(feed)}`, bound.values);
      return found.rows[0]?.cursor ?? null;
    },
    keepCursor: async (feed, cursor) => {
      const bound = new Values(dialect);
      const inserted = `insert into ${feeds} (feed, ${cursorColumn}) values (${bound.add(feed)}, ${bound.add(cursor)})`;
      const merge =
        dialect === 'mysql'
          ? `on duplicate key update ${cursorColumn} = values(${cursorColumn})`
          : `on conflict (feed) do update set ${cursorColumn} = excluded.${cursorColumn}`;
      await query(`${inserted} ${merge}`, bound.values);
    },
  };
}

/** The statements that create the store's tables where they are missing. */
export function sqlTables({ dialect = 'postgres', table = 'queued_message', cursors = 'queue_cursor' }: SqlOptions = {}): string[] {
  const instant = { postgres: 'timestamptz(3)', mysql: 'datetime(3)', sqlite: 'text' }[dialect];
  const [rows, feeds, cursor, index] = [table, cursors, 'cursor', `ix_${table}_open`].map((name) => quoted(name, dialect)) as string[];
  const open = '(queue_status, scheduled_for, queue_key)';
  const columns = [
    'queue_key varchar(255) primary key',
    'queue_job_id varchar(255) unique',
    'queue_status varchar(16) not null',
    'queue_error text',
    `queue_changed_at ${instant}`,
    `scheduled_for ${instant} not null`,
    `message ${dialect === 'mysql' ? 'mediumtext' : 'text'} not null`,
    ...(dialect === 'mysql' ? [`index ${index} ${open}`] : []),
  ];
  return [
    `create table if not exists ${rows} (${columns.join(', ')})`,
    ...(dialect === 'mysql' ? [] : [`create index if not exists ${index} on ${rows} ${open}`]),
    `create table if not exists ${feeds} (feed varchar(255) primary key, ${cursor} text not null)`,
  ];
}

type Dialect = NonNullable<SqlOptions['dialect']>;

/** Values in the order of their placeholders. */
class Values {
  readonly values: unknown[] = [];

  constructor(private readonly dialect: Dialect) {}

  /** SQLite has no type for an instant: as text of one length they compare as they should. */
  add(value: unknown): string {
    this.values.push(value instanceof Date && this.dialect === 'sqlite' ? value.toISOString() : value);
    return this.dialect === 'postgres' ? `$${this.values.length}` : '?';
  }
}

function where(filter: RowFilter, bound: Values): string {
  const { queueKeys, queueJobId, otherJobThan, queueStatuses, changedBefore, dueBefore, after } = filter;
  const oneOf = (column: string, values: readonly unknown[]): string =>
    values.length ? `${column} in (${values.map((value) => bound.add(value)).join(', ')})` : '1 = 0';
  const conditions: string[] = [];
  if (queueKeys) conditions.push(oneOf('queue_key', queueKeys));
  if (queueJobId !== undefined) conditions.push(queueJobId === null ? 'queue_job_id is null' : `queue_job_id = ${bound.add(queueJobId)}`);
  if (otherJobThan !== undefined) conditions.push(`(queue_job_id is null or queue_job_id <> ${bound.add(otherJobThan)})`);
  if (queueStatuses) conditions.push(oneOf('queue_status', queueStatuses));
  if (changedBefore) conditions.push(`(queue_changed_at is null or queue_changed_at < ${bound.add(changedBefore)})`);
  if (dueBefore) conditions.push(`scheduled_for < ${bound.add(dueBefore)}`);
  if (after) {
    const [later, same] = [bound.add(after.scheduledFor), bound.add(after.scheduledFor)];
    conditions.push(`(scheduled_for > ${later} or (scheduled_for = ${same} and queue_key > ${bound.add(after.queueKey)}))`);
  }
  return conditions.join(' and ') || '1 = 1';
}

function read(row: Record<string, any>): TrackedRow {
  const fields = Object.fromEntries(FIELDS.map((field) => [field, row[COLUMNS[field]] ?? null])) as unknown as TrackedRow;
  const { queueChangedAt, scheduledFor } = fields;
  return { ...row, ...fields, scheduledFor: new Date(scheduledFor), queueChangedAt: queueChangedAt && new Date(queueChangedAt) };
}

function quoted(name: string, dialect: Dialect): string {
  const mark = dialect === 'mysql' ? '`' : '"';
  return name.split('.').map((part) => `${mark}${part.replaceAll(mark, mark + mark)}${mark}`).join('.');
}
