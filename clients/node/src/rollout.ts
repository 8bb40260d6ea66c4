/** Decides who already takes part while an application moves to Queue Services step by step. Pure. */
import { createHash } from 'node:crypto';

/** Which contacts go through Queue Services; undefined `kinds` and `workspaces` are all. */
export interface RolloutOptions {
  /** Another name draws other contacts. */
  name?: string;
  /** The kinds of campaign that take part. */
  kinds?: Iterable<string>;
  workspaces?: Iterable<string>;
  /** How many of their contacts, 100 by default. */
  percent?: number;
}

/**
 * A contact's place is fixed by a hash of its id and the rollout's name: raising `percent` only adds
 * contacts. The same contacts take part whichever language launches.
 */
export class Rollout {
  private readonly name: string;
  private readonly kinds: ReadonlySet<string> | undefined;
  private readonly workspaces: ReadonlySet<string> | undefined;
  private readonly percent: number;

  constructor({ name = 'queue-services', kinds, workspaces, percent = 100 }: RolloutOptions = {}) {
    this.name = name;
    this.kinds = kinds && new Set(kinds);
    this.workspaces = workspaces && new Set(workspaces);
    this.percent = percent;
  }

  /** Whether the contact takes part; the same answer every time. */
  allows(contactId: string, { workspaceId, kind }: { workspaceId: string; kind?: string | undefined }): boolean {
    if (this.kinds && (kind === undefined || !this.kinds.has(kind))) return false;
    if (this.workspaces && !this.workspaces.has(workspaceId)) return false;
    return (place(this.name, workspaceId, contactId) / PLACES) * 100 < this.percent;
  }
}

/** How many places `place` has. */
export const PLACES = 2 ** 48;

/** A whole number under `PLACES` that is the same for the same names everywhere, evenly spread. */
export function place(...names: string[]): number {
  return createHash('sha256').update(names.join('\0'), 'utf8').digest().readUIntBE(0, 6);
}
