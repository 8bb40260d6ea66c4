/** The types of the API by their use here, and how a call of it becomes a request. */
import { JSON_TYPE, type Call } from './call.js';
import { ValidationFailed } from './errors.js';
import type { Calls } from './schema.js';

/** A call of the API by its method and path, as in `GET /api/jobs`. */
export type CallName = keyof Calls;
/** What a call answers. */
export type Answer<C extends CallName> = Calls[C]['answer'];
/** The body a call takes. */
export type Body<C extends CallName> = Calls[C]['body'];
/** The query parameters of a call; instants may be Dates. */
export type Query<C extends CallName> = { [K in keyof Calls[C]['query']]: Calls[C]['query'][K] | Date };

/** A job with its attempts. */
export type JobStatus = Answer<'GET /api/job-status/{jobId}'>;
/** A message as the service holds it. */
export type Job = Answer<'GET /api/jobs'>['jobs'][number];
/** Where a job stands. One that waits for its next try is SCHEDULED with `attemptsMade` > 0. */
export type Status = Job['status'];
/** The filters that jobs may be listed by: `from` (inclusive) and `to` (exclusive) on `createdAt`. */
export type JobFilters = Omit<Query<'GET /api/jobs'>, 'limit' | 'cursor'>;
/** One page of jobs, newest first; `nextCursor` is null on the last. */
export type JobPage = Answer<'GET /api/jobs'>;
/** The jobs asked for that the service knows, and the ids it does not. */
export type Statuses = Pick<Answer<'POST /api/job-status'>, 'jobs' | 'unknown'>;
/** What ended or was retried; ask again after `cursor` for what follows. */
export type Changes = Answer<'GET /api/changes'>;
/** A job reached a final status, or returned to SCHEDULED by a retry. */
export type Change = Changes['changes'][number];
/** How far a campaign is. */
export type CampaignProgress = Answer<'GET /api/campaigns/{campaignId}'>;
/** When so many more messages would start and finish, and what holds them longest. */
export type Forecast = Pick<Answer<'POST /api/forecast'>, 'startAt' | 'endAt' | 'limitedBy'>;
/** The service's figures. */
export type Metrics = Answer<'GET /api/metrics'>;
/** A workspace's figures, limits and newest exceedances. */
export type WorkspaceMetrics = Answer<'GET /api/metrics/workspace/{workspaceId}'>;
/** A workspace's use of one channel. */
export type ChannelUse = WorkspaceMetrics['sms'];
/** A workspace's settings. */
export type Workspace = Answer<'GET /api/workspaces/{workspaceId}'>;
/** One page of workspaces. */
export type WorkspacePage = Answer<'GET /api/workspaces'>;
/** What may be set of a workspace: what is not given stays, null clears. */
export type WorkspaceChanges = Body<'PUT /api/workspaces/{workspaceId}'>;

/** What a call is given. */
export interface Given<C extends CallName> {
  path?: Calls[C]['path'];
  query?: Query<C>;
  body?: Body<C>;
}

/**
 * The call of that name as a request. `repeatable` is true for GET, PUT and DELETE unless said
 * otherwise. Throws ValidationFailed for a path parameter that a path cannot hold.
 */
export function callOf<C extends CallName>(name: C, given: Given<C>, repeatable?: boolean): Call<Answer<C>> {
  const [method, template] = name.split(' ') as [string, string];
  const parameters = (given.path ?? {}) as Record<string, string>;
  return {
    method,
    path: template.replace(/\{(\w+)\}/g, (_, parameter: string) => segment(parameters[parameter] ?? '', parameter)),
    query: queryOf(given.query ?? {}),
    body: given.body === undefined ? undefined : JSON.stringify(given.body),
    contentType: JSON_TYPE,
    repeatable: repeatable ?? method !== 'POST',
    read: (body) => (template === '/metrics' ? body : object(body)) as Answer<C>,
  };
}

/** `name` as one segment of a path; `.` and `..` would lead to another call. */
export function segment(name: string, field: string): string {
  if (['', '.', '..'].includes(name)) throw ValidationFailed.of({ field, message: `'${name}' names nothing` });
  return encodeURIComponent(name);
}

function queryOf(parameters: object): Record<string, string> {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(given.map(([name, value]) => [name, value instanceof Date ? value.toISOString() : String(value)]));
}

function object(body: string): object {
  const parsed: unknown = JSON.parse(body);
  if (typeof parsed !== 'object' || parsed === null) throw new Error('it is no JSON object');
  return parsed;
}
