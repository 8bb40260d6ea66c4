/** One message in the fake service, and how it is shown and delivered. */
import type { Job, JobStatus, Status } from '../api.js';
import type { Accepted } from './intake.js';

export const MAX_ATTEMPTS = 3;

/** A message from its acceptance on; instants are milliseconds of the clock. */
export interface Held {
  jobId: string;
  message: Accepted;
  createdAt: number;
  /** When it was last asked for, and when it is next looked at (a later try). */
  due: number;
  visibleAt: number;
  status: Status;
  reason: Job['reason'];
  error: string | null;
  finishedAt: number | null;
  /** Since it was last scheduled. */
  tries: number;
  refusedSince: number | null;
  refusals: number;
  attempts: JobStatus['attempts'];
  /** Its last POST timed out, and the application is asked before the next. */
  unconfirmed: boolean;
  /** The largest batch it goes out in, after a larger one was refused. */
  batchLimit: number | null;
}

/** The job as the API shows it, without attempts; members that a newer service adds are left out. */
export function jobOf(held: Held, paused: boolean): Job {
  const { message, status } = held;
  const waiting = status === 'SCHEDULED';
  const job: Partial<Job> = {
    jobId: held.jobId,
    status,
    reason: held.reason,
    channel: message.channel,
    workspaceId: message.workspaceId,
    contactId: message.contactId,
    campaignId: message.campaignId,
    scheduledFor: text(held.due),
    createdAt: text(held.createdAt),
    finishedAt: held.finishedAt === null ? null : text(held.finishedAt),
    attemptsMade: held.tries,
    maxAttempts: MAX_ATTEMPTS,
    nextAttemptAt: waiting && held.attempts.length ? text(held.visibleAt) : null,
    estimatedAt: waiting && !paused ? text(held.visibleAt) : null,
    waitingFor: waiting ? (paused ? 'pause' : 'due') : null,
    units: 1,
    error: held.error,
    metadata: { ...message.metadata },
  };
  return job as Job;
}

/** The members of its callback's body. */
export function membersOf({ jobId, message }: Held): Record<string, unknown> {
  const { to, content, contactId, workspaceId, metadata } = message;
  const copy = message.channel === 'email' ? { content: content.html } : {};
  return { ...metadata, to, ...content, ...copy, contactId, workspaceId, jobId };
}

/** The path of its own that a message names; it is then sent singly. */
export function ownEndpoint({ message }: Held): string | undefined {
  return (message.metadata.callbackEndpoint as string | null | undefined) ?? undefined;
}

/** An instant as the API writes it. */
export function text(moment: number): string {
  return new Date(moment).toISOString();
}
