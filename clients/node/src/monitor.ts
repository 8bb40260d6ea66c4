/**
 * Watches the rate limits of the busiest workspaces, tells the application, and may raise limits of
 * tiers it names.
 *
 * An exceedance is told once, when it is first seen; a workspace that is near a limit once, until
 * its use has fallen under 60% of it.
 */
import type { ChannelUse, WorkspaceMetrics } from './api.js';
import type { Channel } from './messages.js';
import type { QueueService } from './service.js';

/** The shares of a limit from which a workspace is near it, and under which it no longer is. */
const NEAR = 0.8;
const FAR = 0.6;
/** Who is held back, and who sends most and so may be near. */
const SORTS = ['exceeded', 'sent'] as const;
const CHANNELS: readonly Channel[] = ['sms', 'email'];

/** A workspace was held back by a channel's limit, or is near it; `use` has the figures. */
export interface Alert {
  kind: 'exceeded' | 'approaching';
  workspaceId: string;
  channel: Channel;
  tier: string | null;
  use: ChannelUse;
}

/** How far a tier's limit is raised when it is exceeded: by the factor `step` (1.25), to `maximum` a second at most. */
export interface Raise {
  maximum: number;
  step?: number;
}

/** What a monitor does about what it sees. */
export interface MonitorOptions {
  onExceeded?: (alert: Alert) => unknown;
  onApproaching?: (alert: Alert) => unknown;
  /** Called with what goes wrong in `runEvery`; console.error by default. */
  onError?: (error: unknown) => unknown;
  /** By tier: whose workspaces get a higher limit when they exceed theirs. Needs an administrator's key. */
  raiseLimits?: Record<string, Raise>;
  /** How many workspaces are looked at by exceedances, and as many by messages sent; 50 by default. */
  busiest?: number;
}

/**
 * @example
 * const monitor = new Monitor(service, { onExceeded: (alert) => notifyAdmins(alert.workspaceId) });
 * monitor.runEvery(10 * 60_000, { signal });
 */
export class Monitor {
  private readonly told = new Map<string, string>();
  private readonly near = new Set<string>();

  constructor(
    private readonly service: QueueService,
    private readonly options: MonitorOptions = {},
  ) {}

  /** Look at the busiest workspaces once; the alerts that were told. Rejects with a QueueServiceError, or what a callback rejects with. */
  async check(): Promise<Alert[]> {
    const found = new Set<string>();
    for (const sort of SORTS) {
      const { workspaces } = await this.service.workspacePage({ sort, limit: this.options.busiest ?? 50 });
      for (const { workspaceId } of workspaces) found.add(workspaceId);
    }
    const alerts: Alert[] = [];
    for (const workspaceId of found) alerts.push(...(await this.checkWorkspace(workspaceId)));
    return alerts;
  }

  /** Look at one workspace once. */
  async checkWorkspace(workspaceId: string): Promise<Alert[]> {
    const metrics = await this.service.workspaceMetrics(workspaceId);
    const alerts = CHANNELS.flatMap((channel) => this.alert(metrics, channel) ?? []);
    for (const alert of alerts) {
      await (alert.kind === 'exceeded' ? this.options.onExceeded : this.options.onApproaching)?.(alert);
      const limit = this.higherLimit(alert);
      if (limit !== undefined) await this.service.changeWorkspace(workspaceId, { limits: { [alert.channel]: limit } });
    }
    return alerts;
  }

  /** Check, wait, and so on until `signal` is aborted. What goes wrong is given to `onError`. */
  async runEvery(intervalMs = 600_000, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    while (!signal?.aborted) {
      try {
        await this.check();
      } catch (error) {
        (this.options.onError ?? console.error)(error);
      }
      await this.service.sleep(intervalMs, signal);
    }
  }

  /** What is new since the last look, and remember it. */
  private alert(metrics: WorkspaceMetrics, channel: Channel): Alert | undefined {
    const { workspaceId, tier } = metrics;
    const use = metrics[channel];
    const place = `${channel}:${workspaceId}`;
    const exceeded = use.lastExceeded !== null && use.lastExceeded !== this.told.get(place);
    const approaching = use.utilization >= NEAR && !this.near.has(place);
    if (use.lastExceeded !== null) this.told.set(place, use.lastExceeded);
    if (approaching) this.near.add(place);
    else if (use.utilization < FAR) this.near.delete(place);
    if (!exceeded && !approaching) return undefined;
    return { kind: exceeded ? 'exceeded' : 'approaching', workspaceId, channel, tier: tier ?? null, use };
  }

  private higherLimit({ kind, tier, use }: Alert): number | undefined {
    const rule = tier === null ? undefined : this.options.raiseLimits?.[tier];
    const limit = use.limitPerSecond;
    if (rule === undefined || limit === null || limit < 1 || kind !== 'exceeded') return undefined;
    const higher = Math.min(rule.maximum, Math.max(Math.floor(limit * (rule.step ?? 1.25)), Math.floor(limit) + 1));
    return higher > limit ? higher : undefined;
  }
}
