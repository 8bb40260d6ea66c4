/**
 * A deduplicator in the application's own database, for several processes and across restarts. Its
 * table `queue_delivery` is the one that the Python client uses, too.
 */
import type { SqlOptions, SqlQuery } from '../tracking/sql.js';
import { LEASE, type Claim, type Deduplicator, type State } from './deduplicator.js';

/** The statement that creates its table where it is missing. */
export function deliveryTable({ dialect = 'postgres' }: Pick<SqlOptions, 'dialect'> = {}): string {
  const number = dialect === 'mysql' ? 'double' : 'double precision';
  return `create table if not exists queue_delivery (id varchar(255) primary key, claimed_at ${number} not null, accepted_at ${number})`;
}

/** Remembers keys in `queue_delivery`; each call is one short statement or three. `lease` is in seconds. */
export class SqlDeduplicator implements Deduplicator {
  private readonly dialect: NonNullable<SqlOptions['dialect']>;
  private readonly lease: number;

  constructor(
    private readonly query: SqlQuery,
    { dialect = 'postgres', lease = LEASE }: Pick<SqlOptions, 'dialect'> & { lease?: number } = {},
  ) {
    this.dialect = dialect;
    this.lease = lease;
  }

  async claim(key: string, now: number): Promise<Claim> {
    const insert = this.dialect === 'mysql' ? 'insert ignore into' : 'insert into';
    const conflict = this.dialect === 'mysql' ? '' : ' on conflict (id) do nothing';
    if (await this.change(`${insert} queue_delivery (id, claimed_at) values (?, ?)${conflict}`, [key, now])) return 'new';
    const dead = 'update queue_delivery set claimed_at = ? where id = ? and accepted_at is null and claimed_at <= ?';
    if (await this.change(dead, [now, key, now - this.lease])) return 'new';
    // A row that is gone was released meanwhile: the service comes again, and finds it free.
    return (await this.row(key))?.accepted ? 'accepted' : 'inProgress';
  }

  async accept(key: string, now: number): Promise<void> {
    await this.change('update queue_delivery set accepted_at = ? where id = ?', [now, key]);
  }

  async release(key: string, claimedAt: number): Promise<void> {
    await this.change('delete from queue_delivery where id = ? and claimed_at = ? and accepted_at is null', [key, claimedAt]);
  }

  async state(key: string, now: number): Promise<State> {
    const row = await this.row(key);
    if (row?.accepted) return 'accepted';
    return row && row.claimedAt > now - this.lease ? 'inProgress' : 'unknown';
  }

  /** Forgets what was accepted before the Unix second `before`; keep what the service may still repeat (30 days). */
  async prune(before: number): Promise<number> {
    return this.change('delete from queue_delivery where accepted_at < ?', [before]);
  }

  private async change(text: string, values: unknown[]): Promise<number> {
    return (await this.query(this.spelt(text), values)).changed;
  }

  private async row(key: string): Promise<{ claimedAt: number; accepted: boolean } | undefined> {
    const [row] = (await this.query(this.spelt('select claimed_at, accepted_at from queue_delivery where id = ?'), [key])).rows;
    return row && { claimedAt: Number(row.claimed_at), accepted: row.accepted_at !== null };
  }

  private spelt(text: string): string {
    let place = 0;
    return this.dialect === 'postgres' ? text.replace(/\?/g, () => `$${(place += 1)}`) : text;
  }
}
