/**
 * Drops repeats: the service sends a message at least once, this makes it once.
 *
 * A key (a job id, an event id) is free, claimed while its handler runs, or accepted. A claim older
 * than the lease is taken for dead: its process died in the handler. Instants are Unix seconds.
 */

/** A claim older than so many seconds is taken for dead; a handler that takes longer may run twice. */
export const LEASE = 60;

/** What is known of a message when it arrives. */
export type Claim = 'new' | 'inProgress' | 'accepted';
/** What is known of a message that is asked for. */
export type State = 'unknown' | 'inProgress' | 'accepted';

/**
 * Remembers what was accepted. `state` is optional: without it an ask is answered "not delivered", and
 * the message that comes again is dropped as a repeat.
 */
export interface Deduplicator {
  /** "new": the caller may handle `key`, and must then accept or release it. One caller alone gets it. */
  claim(key: string, now: number): Claim | Promise<Claim>;
  /** `key` was handled: every later claim is "accepted". */
  accept(key: string, now: number): unknown;
  /** The handler failed: `key` may come again. Does nothing if another took the claim since `claimedAt`. */
  release(key: string, claimedAt: number): unknown;
  /** What is known of `key`, which claims nothing. */
  state?(key: string, now: number): State | Promise<State>;
}

/** Remembers the newest `capacity` keys of this process: enough for one process, forgotten when it ends. */
export class MemoryDeduplicator implements Deduplicator {
  private readonly entries = new Map<string, { claimedAt: number; accepted: boolean }>();
  private readonly capacity: number;
  private readonly lease: number;

  constructor({ capacity = 100_000, lease = LEASE }: { capacity?: number; lease?: number } = {}) {
    if (!(capacity >= 1)) throw new RangeError('capacity must be at least 1');
    this.capacity = capacity;
    this.lease = lease;
  }

  claim(key: string, now: number): Claim {
    const state = this.state(key, now);
    if (state !== 'unknown') return state;
    this.remember(key, { claimedAt: now, accepted: false });
    return 'new';
  }

  accept(key: string, now: number): void {
    this.remember(key, { claimedAt: now, accepted: true });
  }

  release(key: string, claimedAt: number): void {
    const entry = this.entries.get(key);
    if (entry && !entry.accepted && entry.claimedAt === claimedAt) this.entries.delete(key);
  }

  state(key: string, now: number): State {
    const entry = this.entries.get(key);
    if (entry?.accepted) return 'accepted';
    return entry && entry.claimedAt > now - this.lease ? 'inProgress' : 'unknown';
  }

  /** The newest are at the end of the map. */
  private remember(key: string, entry: { claimedAt: number; accepted: boolean }): void {
    this.entries.delete(key);
    this.entries.set(key, entry);
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= this.capacity) break;
      this.entries.delete(oldest);
    }
  }
}
