/**
 * The fake service's figures and workspace settings. Exceedances and use are what a test says they
 * are, as nothing is limited here.
 */
import type { ChannelUse, Forecast, Workspace } from '../api.js';
import { ValidationFailed } from '../errors.js';
import type { Channel } from '../messages.js';
import { text } from './held.js';
import type { FakeQueue } from './queue.js';

const LIMITS: Record<Channel, number> = { sms: 50, email: 100 };
const DETAILS = 50;
const CHANNELS: readonly Channel[] = ['sms', 'email'];
const BY_CHANNEL = ['limits', 'callbackBaseUrls', 'paused'];
const SET = [...BY_CHANNEL, 'tier', 'timezone', 'eventsUrl', 'signingSecret', 'sendWindow', 'batchCallbacks', 'askEndpoints'];

interface Exceedance {
  timestamp: string;
  batchSize: number;
  errorMessage: string;
}

/** Counts what the queue holds, and keeps what is set for each workspace. */
export class FakeFigures {
  private readonly settings = new Map<string, Record<string, unknown>>();
  private readonly exceedances = new Map<string, Exceedance[]>();
  private readonly utilization = new Map<string, number>();

  constructor(private readonly queue: FakeQueue) {}

  /** Count an exceedance now: `due` messages were due. */
  exceed(workspaceId: string, channel: Channel, due: number): void {
    const key = `${channel}:${workspaceId}`;
    const errorMessage = `Rate limit exceeded: ${this.limit(workspaceId, channel)} per second`;
    const found = this.exceedances.get(key) ?? [];
    this.exceedances.set(key, [{ timestamp: text(this.queue.clock.now().getTime()), batchSize: due, errorMessage }, ...found]);
    this.seen(workspaceId);
  }

  /** Let the workspace use that share (0-1) of its limit from now on. */
  use(workspaceId: string, channel: Channel, utilization: number): void {
    this.utilization.set(`${channel}:${workspaceId}`, utilization);
    this.seen(workspaceId);
  }

  reset(channel: unknown, workspaceId: unknown): void {
    for (const key of this.exceedances.keys()) {
      const [of, ...rest] = key.split(':');
      if ((channel ?? of) === of && (workspaceId ?? rest.join(':')) === rest.join(':')) this.exceedances.delete(key);
    }
  }

  metrics(): object {
    const workspaces = [...new Set([...this.exceedances.keys()].map((key) => key.slice(key.indexOf(':') + 1)))].sort();
    const limits = (workspaceId: string): object => Object.fromEntries(CHANNELS.map((channel) => [channel, this.rateLimit(workspaceId, channel)]));
    return {
      ...Object.fromEntries(CHANNELS.map((channel) => [channel, this.channel(channel, workspaces)])),
      workspaceRateLimits: Object.fromEntries(workspaces.map((workspaceId) => [workspaceId, limits(workspaceId)])),
      timestamp: this.queue.clock.now().toISOString(),
    };
  }

  workspaceMetrics(workspaceId: string): object {
    const uses = CHANNELS.map((channel) => [channel, this.channelUse(workspaceId, channel)]);
    return { workspaceId, ...Object.fromEntries(uses), tier: this.workspace(workspaceId).tier, timestamp: this.queue.clock.now().toISOString() };
  }

  /** As if nothing else waited: `count` messages at the channel's limit. */
  forecast(channel: Channel, count: number, scheduledFor: number): Forecast {
    const start = Math.max(this.queue.clock.now().getTime(), scheduledFor);
    return { startAt: text(start), endAt: text(start + (count / LIMITS[channel]) * 1000), limitedBy: 'serviceLimit' } as Forecast;
  }

  workspaces(sort: string): Workspace[] {
    const seen = new Set([...this.settings.keys(), ...[...this.queue.held.values()].map(({ message }) => message.workspaceId)]);
    const member = { sent: 'sent', backlog: 'backlog', exceeded: 'count' }[sort] as 'sent' | 'backlog' | 'count';
    const weight = (id: string): number => CHANNELS.reduce((sum, channel) => sum + this.channelUse(id, channel)[member], 0);
    return [...seen].sort((one, other) => weight(other) - weight(one) || (one < other ? -1 : 1)).map((id) => this.workspace(id));
  }

  workspace(workspaceId: string): Workspace {
    const none = { sms: null, email: null };
    const settings = {
      workspaceId, tier: 'standard', timezone: 'UTC', limits: none, callbackBaseUrls: none, paused: { sms: false, email: false },
      eventsUrl: null, sendWindow: null, ...this.settings.get(workspaceId),
    };
    return settings as unknown as Workspace;
  }

  /** Set the members given; objects by channel are merged, null clears. Throws ValidationFailed for a member that is none. */
  change(workspaceId: string, members: Record<string, unknown>): Workspace {
    const unknown = Object.keys(members).filter((name) => !SET.includes(name));
    if (unknown.length) throw ValidationFailed.of(...unknown.map((field) => ({ field, message: 'there is no such member' })));
    const kept = { ...this.workspace(workspaceId) } as unknown as Record<string, unknown>;
    for (const [name, value] of Object.entries(members)) {
      kept[name] = BY_CHANNEL.includes(name) ? { ...(kept[name] as object), ...(value as object) } : value;
    }
    const { signingSecret: _, ...shown } = kept; // write only
    this.settings.set(workspaceId, shown);
    return this.workspace(workspaceId);
  }

  private seen(workspaceId: string): void {
    if (!this.settings.has(workspaceId)) this.settings.set(workspaceId, {});
  }

  private limit(workspaceId: string, channel: Channel): number {
    return this.workspace(workspaceId).limits[channel] ?? LIMITS[channel];
  }

  private rateLimit(workspaceId: string, channel: Channel): { count: number; lastExceeded: string | null; details: Exceedance[] } {
    const found = this.exceedances.get(`${channel}:${workspaceId}`) ?? [];
    return { count: found.length, lastExceeded: found[0]?.timestamp ?? null, details: found.slice(0, DETAILS) };
  }

  private channelUse(workspaceId: string, channel: Channel): ChannelUse {
    const mine = [...this.queue.held.values()].filter(({ message }) => message.workspaceId === workspaceId && message.channel === channel);
    const count = (status: string): number => mine.filter((held) => held.status === status).length;
    return {
      ...this.rateLimit(workspaceId, channel),
      limitPerSecond: this.limit(workspaceId, channel),
      utilization: this.utilization.get(`${channel}:${workspaceId}`) ?? 0,
      sent: count('COMPLETED'),
      failed: count('FAILED'),
      backlog: count('SCHEDULED'),
    } as ChannelUse;
  }

  private channel(channel: Channel, workspaces: readonly string[]): object {
    const mine = [...this.queue.held.values()].filter(({ message }) => message.channel === channel);
    const [completed, failed] = ['COMPLETED', 'FAILED'].map((status) => mine.filter((held) => held.status === status)) as [typeof mine, typeof mine];
    const total = completed.length + failed.length;
    const ends = [...completed, ...failed].map((held) => held.finishedAt as number);
    const limits = workspaces.map((workspaceId) => ({ workspaceId, ...this.rateLimit(workspaceId, channel) })).filter(({ count }) => count);
    return {
      totalProcessed: total,
      batchesProcessed: total,
      successRate: total ? (100 * completed.length) / total : 0,
      avgProcessingTime: 0,
      throughput: 0,
      rateExceededCount: limits.reduce((sum, { count }) => sum + count, 0),
      lastProcessedTime: ends.length ? text(Math.max(...ends)) : null,
      workspaceRateLimits: limits.sort((one, other) => other.count - one.count),
    };
  }
}
