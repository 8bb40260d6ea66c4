/** Answers the client's requests as the service does, from memory; speaks HTTP's words but opens no socket. */
import { JSON_TYPE, PROBLEM_TYPE, type Outgoing, type Reply } from '../call.js';
import { Conflict, NotFound, QueueServiceError, ValidationFailed, type Fault } from '../errors.js';
import type { Channel } from '../messages.js';
import type { FakeFigures } from './figures.js';
import { jobOf, text, type Held } from './held.js';
import { accept, dueOf, type Members } from './intake.js';
import type { FakeQueue } from './queue.js';

const MESSAGES_A_BATCH = 10_000;
const IDS_A_REQUEST = 1_000;
const WORDS = { sms: 'SMS', email: 'Email' };

type Route = (request: Outgoing, first: string, second: string) => object;

/** One function a call, found by its method and the path's first segment after /api. */
export class Routes {
  private readonly routes: Record<string, Route>;

  constructor(
    private readonly queue: FakeQueue,
    private readonly figures: FakeFigures,
  ) {
    this.routes = {
      'POST schedule-sms': (request) => this.schedule(request, 'sms'),
      'POST schedule-email': (request) => this.schedule(request, 'email'),
      'POST schedule-batch': (request) => this.batch(request),
      'GET job-status': (_, jobId) => ({ ...this.job(queue.find(jobId)), attempts: queue.find(jobId).attempts }),
      'POST job-status': (request) => this.statuses(request),
      'POST cancel-job': (_, jobId) => ({ job: this.job(queue.cancel(jobId)) }),
      'POST retry-job': (_, jobId) => ({ job: this.job(queue.retry(jobId)) }),
      'POST promote-job': (_, jobId) => ({ job: this.job(queue.reschedule(jobId, this.now)) }),
      'POST reschedule-job': (request, jobId) => ({ job: this.job(queue.reschedule(jobId, dueOf(bodyOf(request), this.now))) }),
      'GET jobs': (request) => this.jobs(request),
      'GET campaigns': (request, campaignId) => queue.campaign(request.query.workspaceId ?? '', campaignId),
      'POST campaigns': (request, campaignId, verb) => {
        const by = verb === 'shift' ? Number(bodyOf(request).delay) : 0;
        return { count: queue.steer(request.query.workspaceId ?? '', campaignId, verb, by) };
      },
      'GET changes': (request) => this.changes(request),
      'POST forecast': (request) => this.forecast(request),
      'GET metrics': (_, kind, workspaceId) => (kind === 'workspace' ? figures.workspaceMetrics(workspaceId) : figures.metrics()),
      'POST metrics': (request) => this.reset(request),
      'GET workspaces': (request, workspaceId) => (workspaceId ? figures.workspace(workspaceId) : this.workspaces(request)),
      'PUT workspaces': (request, workspaceId) => figures.change(workspaceId, bodyOf(request)),
    };
  }

  answer(request: Outgoing): Reply {
    const [, , name = '', first = '', second = ''] = request.path.split('/').map(decodeURIComponent);
    try {
      if (request.path === '/health') return reply(200, { status: 'ok', timestamp: text(this.now) });
      const route = this.routes[`${request.method} ${name}`];
      if (route === undefined) throw new NotFound(`There is no ${request.method} ${request.path} here.`);
      return reply(200, { success: true, ...route(request, first, second) });
    } catch (error) {
      if (!(error instanceof QueueServiceError)) throw error;
      return problem(error);
    }
  }

  private get now(): number {
    return this.queue.clock.now().getTime();
  }

  private job(held: Held): ReturnType<typeof jobOf> {
    return jobOf(held, this.queue.isPaused(held));
  }

  private schedule(request: Outgoing, channel: Channel): object {
    const message = accept(bodyOf(request), channel, this.now);
    const { held, replayed } = this.queue.schedule(message);
    const done = message.delayed ? 'scheduled successfully' : 'queued for immediate delivery';
    const answer = { jobId: held.jobId, message: `${WORDS[channel]} ${done}`, status: 'SCHEDULED', scheduledFor: text(held.due) };
    return replayed ? { ...answer, replayed } : answer;
  }

  private batch(request: Outgoing): object {
    const lines = (request.body ?? '').split('\n').filter((line) => line.trim());
    if (lines.length > MESSAGES_A_BATCH) throw new ValidationFailed('The batch has more than 10,000 messages; send it in parts.');
    const results = lines.map((line, index) => ({ index, ...this.line(line) }));
    const rejected = results.filter((result) => 'errors' in result).length;
    return { accepted: results.length - rejected, rejected, results };
  }

  private line(line: string): { jobId: string; replayed?: true } | { errors: readonly Fault[] } {
    try {
      const body = members(line);
      if (body.channel !== 'sms' && body.channel !== 'email') throw ValidationFailed.of({ field: 'channel', message: 'give sms or email' });
      const { held, replayed } = this.queue.schedule(accept(body, body.channel, this.now));
      return { jobId: held.jobId, ...(replayed && { replayed }) };
    } catch (error) {
      if (error instanceof Conflict) return { errors: [{ field: 'idempotencyKey', message: error.message }] };
      if (error instanceof ValidationFailed) return { errors: error.faults };
      throw error;
    }
  }

  private statuses(request: Outgoing): object {
    const { jobIds } = bodyOf(request);
    if (!Array.isArray(jobIds) || jobIds.length > IDS_A_REQUEST) throw ValidationFailed.of({ field: 'jobIds', message: 'give a list of 1,000 ids at most' });
    const known = jobIds.flatMap((jobId) => this.queue.held.get(jobId as string) ?? []);
    return { jobs: known.map((held) => this.job(held)), unknown: jobIds.filter((jobId) => !this.queue.held.has(jobId as string)) };
  }

  private jobs({ query }: Outgoing): object {
    const { limit = '50', cursor = '0', from, to, recipient, ...equal } = query;
    const found = [...this.queue.held.values()].reverse().filter((held) => {
      const job = this.job(held) as unknown as Record<string, unknown>;
      const within = (!from || held.createdAt >= Date.parse(from)) && (!to || held.createdAt < Date.parse(to));
      return within && (!recipient || held.message.to === recipient) && Object.entries(equal).every(([name, value]) => job[name] === value);
    });
    return page(found.map((held) => this.job(held)), 'jobs', limit, cursor);
  }

  private changes({ query: { after = '0', limit = '1000', workspaceId } }: Outgoing): object {
    const newest = new Map(this.queue.changes.map((change, number) => [change.jobId, number]));
    const mine = this.queue.changes.flatMap((change, number) => {
      const wanted = number >= Number(after) && newest.get(change.jobId) === number;
      return wanted && [undefined, this.queue.find(change.jobId).message.workspaceId].includes(workspaceId) ? [{ change, number }] : [];
    });
    const some = mine.slice(0, Number(limit));
    const last = some.at(-1);
    return { changes: some.map(({ change }) => change), cursor: String(last === undefined ? after : last.number + 1) };
  }

  private forecast(request: Outgoing): object {
    const { channel, count, scheduledFor } = bodyOf(request);
    if (channel !== 'sms' && channel !== 'email') throw ValidationFailed.of({ field: 'channel', message: 'give sms or email' });
    if (!Number.isInteger(count) || (count as number) < 1) throw ValidationFailed.of({ field: 'count', message: 'give a whole number of 1 or more' });
    return this.figures.forecast(channel, count as number, scheduledFor ? Date.parse(scheduledFor as string) : this.now);
  }

  private reset(request: Outgoing): object {
    const { type, workspaceId } = bodyOf(request);
    this.figures.reset(type, workspaceId);
    return { message: 'Metrics reset.' };
  }

  private workspaces({ query: { sort = 'sent', limit = '50', cursor = '0' } }: Outgoing): object {
    return page(this.figures.workspaces(sort), 'workspaces', limit, cursor);
  }
}

/** The answer that a failure stands for. */
export function problem(error: QueueServiceError, status = statusOf(error)): Reply {
  const { message } = error;
  const errors = error instanceof ValidationFailed ? error.faults : [];
  return reply(status, { type: 'about:blank', title: error.name, status, detail: message, success: false, message, errors });
}

function statusOf(error: QueueServiceError): number {
  if (error instanceof NotFound) return 404;
  return error instanceof Conflict ? 409 : 400;
}

function reply(status: number, body: object): Reply {
  return { status, body: JSON.stringify(body), headers: { 'content-type': status < 400 ? JSON_TYPE : PROBLEM_TYPE } };
}

function page(all: readonly object[], name: string, limit: string, cursor: string): object {
  const end = Number(cursor) + Math.min(Number(limit), 200);
  return { [name]: all.slice(Number(cursor), end), nextCursor: end < all.length ? String(end) : null };
}

function bodyOf(request: Outgoing): Members {
  return members(request.body ?? '{}');
}

function members(text: string): Members {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Members;
  } catch {
    // said below
  }
  throw new ValidationFailed('The body is not a JSON object.');
}
