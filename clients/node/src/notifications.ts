/**
 * Messages at once: password resets, codes, receipts. They have priority `high`, so they pass their
 * workspace's campaigns and its send window.
 */
import type { EmailData, MessageOptions, SmsData } from './messages.js';
import type { ScheduleResult } from './results.js';
import type { QueueService } from './service.js';

/** What one notification may have: a message without its workspace, and how late it may still be sent. */
export type Notification<T extends MessageOptions> = Omit<T, 'workspaceId' | 'delay' | 'scheduledFor'> & { expiresAfterMs?: number };

/** What notifications have in common: their workspace, and members such as `source` for every message. */
export type NotificationDefaults = Pick<MessageOptions, 'workspaceId'> &
  Partial<Pick<MessageOptions, 'priority' | 'source' | 'callbackEndpoint' | 'metadata' | 'campaignId'>>;

/**
 * Sends notifications of one workspace.
 *
 * @example
 * const notifications = new NotificationManager(service, { workspaceId: 'acme', source: 'accounts' });
 * await notifications.sendSms({ phoneNumber, message: 'Your code is 123456', contactId, expiresAfterMs: 600_000 });
 */
export class NotificationManager {
  constructor(
    private readonly service: QueueService,
    private readonly defaults: NotificationDefaults,
  ) {}

  /** Send an SMS now; not at all where it could not be sent within `expiresAfterMs`. Never rejects. */
  sendSms(data: Notification<SmsData>): Promise<ScheduleResult> {
    return this.service.scheduleSms(this.completed<SmsData>(data));
  }

  /** Send an email now; not at all where it could not be sent within `expiresAfterMs`. Never rejects. */
  sendEmail(data: Notification<EmailData>): Promise<ScheduleResult> {
    return this.service.scheduleEmail(this.completed<EmailData>(data));
  }

  private completed<T extends MessageOptions>({ expiresAfterMs, ...data }: Notification<T>): T {
    const expires = expiresAfterMs === undefined ? {} : { expiresAt: new Date(this.service.now().getTime() + expiresAfterMs) };
    return { priority: 'high', ...this.defaults, ...expires, ...data } as unknown as T;
  }
}
