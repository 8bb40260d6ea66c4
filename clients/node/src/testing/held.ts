/** One message in the fake service, and how it is shown and delivered. */
import type { Job, JobStatus, Status } from '../api.js';
import { decodeSecret, sign } from '../receiver/signature.js';
import type { Accepted } from './intake.js';

export const MAX_ATTEMPTS = 3;
const ENDPOINTS = { sms: '/send-sms', email: '/api/email/send' };

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

/** The path that the application's endpoint is asked at. */
export function pathOf({ message }: Held): string {
  return (message.metadata.callbackEndpoint as string | null | undefined) ?? ENDPOINTS[message.channel];
}

/** The POST that the application's endpoint gets, signed where there is a secret. */
export async function requestOf(held: Held, now: number, secret: string | undefined): Promise<Request> {
  const { jobId, message } = held;
  const { to, content, contactId, workspaceId, metadata } = message;
  const copy = message.channel === 'email' ? { content: content.html } : {};
  const body = JSON.stringify({ ...metadata, to, ...content, ...copy, contactId, workspaceId, jobId });
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'x-workspace-id': encodeURI(workspaceId),
    'idempotency-key': jobId,
    'x-attempt': String(held.attempts.length + 1),
  };
  if (secret !== undefined) {
    const timestamp = String(Math.floor(now / 1000));
    headers['webhook-id'] = jobId;
    headers['webhook-timestamp'] = timestamp;
    headers['webhook-signature'] = await sign(decodeSecret(secret), jobId, timestamp, new TextEncoder().encode(body));
  }
  return new Request(`http://application.test${pathOf(held)}`, { method: 'POST', headers, body });
}

/** An instant as the API writes it. */
export function text(moment: number): string {
  return new Date(moment).toISOString();
}
