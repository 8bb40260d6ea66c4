/** Campaigns: launched in bulk, watched and steered by their id. */
import type { CampaignProgress, Forecast } from './api.js';
import type { OnProgress } from './bulk.js';
import { EVERY_DAY, sendAt } from './calendar.js';
import { ValidationFailed } from './errors.js';
import { Plan, type Contact, type Launch, type Step } from './plan.js';
import type { Rollout } from './rollout.js';
import { QueueService } from './service.js';
import { compiled, type CompiledStep } from './steps.js';
import { dollarTemplates, type Compile } from './templates.js';
import { scheduleEachTracked, type Planner } from './tracking/scheduling.js';
import { timeZone } from './zones.js';

/** What a campaign belongs to. */
export interface CampaignOptions {
  workspaceId: string;
  /** Default: a QueueService of the environment. */
  service?: QueueService;
  /** Where its wall-clock times are meant, unless a contact has a zone; UTC by default. */
  zone?: string;
  /** What rollouts know it by. */
  kind?: string;
  templates?: Compile;
  /** Remembers each message, before it is scheduled. */
  tracker?: Planner;
}

/** How a campaign is launched. */
export interface LaunchOptions {
  /** Day 0: the date that an instant (now by default) has where each contact is, or a date ("YYYY-MM-DD"). */
  start?: Date | string;
  /** Delays each contact by up to so much, the same for all its steps and at every launch. */
  spreadMs?: number;
  rollout?: Rollout;
  onProgress?: OnProgress;
}

/**
 * A campaign by its id. A launch is safe to repeat: each message has the idempotency key
 * campaign:step:contact, so a second launch adds only what is missing, whichever language made it.
 * Throws ValidationFailed, naming the step, for steps that cannot be sent.
 *
 * @example
 * const welcome = new CampaignBuilder('welcome', [{ day: 0, at: '09:30', channel: 'sms', template: 'Hello $name' }],
 *   { workspaceId: 'acme', zone: 'Europe/Berlin', service });
 * const launch = await welcome.launch([{ id: 'c-1', phone: '+491701234567', fields: { name: 'Ada' } }]);
 */
export class CampaignBuilder {
  private readonly steps: readonly CompiledStep[];
  private readonly service: QueueService;
  private readonly zone: string;

  constructor(
    readonly id: string,
    steps: Iterable<Step>,
    private readonly options: CampaignOptions,
  ) {
    this.service = options.service ?? new QueueService();
    this.zone = timeZone(options.zone ?? 'UTC');
    this.steps = compiled(steps, options.templates ?? dollarTemplates, this.zone);
  }

  /**
   * Schedule every step for every contact, in bulk. A contact without a good address, zone or fields
   * is reported, not fatal. Rejects with ValidationFailed for a campaign without steps.
   */
  async launch(contacts: Iterable<Contact> | AsyncIterable<Contact>, options: LaunchOptions = {}): Promise<Launch> {
    const now = this.service.now();
    const plan = this.plan(now, options);
    const progress = options.onProgress === undefined ? {} : { onProgress: options.onProgress };
    const { tracker } = this.options;
    const results = tracker
      ? scheduleEachTracked(tracker, this.service, plan.entries(contacts), now, progress)
      : this.service.scheduleEach(plan.entries(contacts), progress);
    for await (const result of results) plan.add(result);
    return plan.launch();
  }

  /** How many of its jobs have each status, and when it should be through. Rejects with NotFound before its first. */
  progress(): Promise<CampaignProgress> {
    return this.service.call('GET /api/campaigns/{campaignId}', this.given());
  }

  /** Hold what is not yet being sent, and what is scheduled from now on, until `resume`; how many jobs that is. */
  async pause(): Promise<number> {
    return (await this.service.call('POST /api/campaigns/{campaignId}/pause', this.given(), true)).count;
  }

  /** Let a paused campaign go on; how many jobs wait no more. */
  async resume(): Promise<number> {
    return (await this.service.call('POST /api/campaigns/{campaignId}/resume', this.given(), true)).count;
  }

  /** Cancel what is not yet being sent; how many jobs that is. Messages scheduled later are not cancelled. */
  async cancel(): Promise<number> {
    return (await this.service.call('POST /api/campaigns/{campaignId}/cancel', this.given(), true)).count;
  }

  /** Move what is not yet being sent by so much, earlier if negative. Not repeated by itself: twice would be twice as far. */
  async shift(byMs: number): Promise<number> {
    const given = { ...this.given(), body: { delay: Math.round(byMs) } };
    return (await this.service.call('POST /api/campaigns/{campaignId}/shift', given, false)).count;
  }

  /** When a launch for so many contacts would start and finish under today's limits and backlog. */
  async forecast(contacts: number, { start }: { start?: Date | string } = {}): Promise<Forecast> {
    const forecasts: Forecast[] = [];
    for (const { of } of this.steps) {
      const scheduledFor = sendAt(of.day, of.at, this.zone, start ?? this.service.now(), of.days ?? EVERY_DAY);
      const asked = { workspaceId: this.options.workspaceId, channel: of.channel, count: contacts, scheduledFor };
      forecasts.push(await this.service.forecast(asked));
    }
    const last = forecasts.reduce<Forecast | undefined>((one, other) => (one && later(one, other) ? one : other), undefined);
    if (last === undefined) throw ValidationFailed.of({ field: 'steps', message: 'the campaign has none to forecast' });
    const starts = forecasts.flatMap(({ startAt }) => (startAt === null ? [] : [startAt]));
    return { startAt: starts.sort()[0] ?? null, endAt: last.endAt, limitedBy: last.limitedBy };
  }

  private given(): { path: { campaignId: string }; query: { workspaceId: string } } {
    return { path: { campaignId: this.id }, query: { workspaceId: this.options.workspaceId } };
  }

  private plan(now: Date, { start, spreadMs = 0, rollout }: LaunchOptions): Plan {
    if (!this.steps.length) throw ValidationFailed.of({ field: 'steps', message: 'a launch needs at least one' });
    if (!(spreadMs >= 0)) throw ValidationFailed.of({ field: 'spreadMs', message: 'give milliseconds >= 0' });
    const { workspaceId, kind } = this.options;
    return new Plan(this.steps, { campaignId: this.id, workspaceId, zone: this.zone, kind, start: start ?? now, now, spreadMs, rollout });
  }
}

/** Whether `one` ends no earlier than `other`; one that never ends is the latest. Instants are RFC 3339 in UTC. */
function later(one: Forecast, other: Forecast): boolean {
  if (one.endAt === null || other.endAt === null) return one.endAt === null;
  return one.endAt >= other.endAt;
}
