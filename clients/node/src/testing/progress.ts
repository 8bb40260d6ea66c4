/** How far a campaign of the fake service is. */
import type { CampaignProgress, Status } from '../api.js';
import { text, type Held } from './held.js';

const STATUSES: readonly Status[] = ['SCHEDULED', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED'];

/** The progress of the campaign whose messages are `held`, at least one. */
export function progressOf(workspaceId: string, campaignId: string, held: readonly Held[], paused: boolean): CampaignProgress {
  const open = held.filter(({ status }) => status === 'SCHEDULED').map(({ visibleAt }) => visibleAt);
  const due = held.map((one) => one.due);
  const counts = Object.fromEntries(STATUSES.map((status) => [status, held.filter((one) => one.status === status).length]));
  const progress: Partial<CampaignProgress> = {
    success: true,
    campaignId,
    workspaceId,
    state: paused ? 'paused' : 'active',
    counts: counts as unknown as CampaignProgress['counts'],
    firstScheduledFor: text(Math.min(...due)),
    lastScheduledFor: text(Math.max(...due)),
    estimatedEnd: paused || !open.length ? null : text(Math.max(...open)),
  };
  return progress as CampaignProgress;
}
