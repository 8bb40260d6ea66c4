/** The two functions of a service layer that needs no set-up: where to send is in the environment. */
import type { Delay, EmailData, SmsData } from './messages.js';
import { failed, type ScheduleResult } from './results.js';
import { QueueService } from './service.js';

/**
 * Schedule an email through `QUEUE_SERVICES_URL` with `QUEUE_SERVICES_KEY`, read at each call.
 * Resolves to `{ success, jobId }` or `{ success: false, error }`; never rejects.
 */
export async function scheduleEmail(emailData: EmailData, delayMs?: Delay | null): Promise<ScheduleResult> {
  return through((service) => service.scheduleEmail(emailData, delayMs));
}

/** Schedule an SMS; see `scheduleEmail`. */
export async function scheduleSms(smsData: SmsData, delayMs?: Delay | null): Promise<ScheduleResult> {
  return through((service) => service.scheduleSms(smsData, delayMs));
}

/** A base URL that is none is a result, too. */
async function through(ask: (service: QueueService) => Promise<ScheduleResult>): Promise<ScheduleResult> {
  try {
    return await ask(new QueueService());
  } catch (error) {
    return failed(error);
  }
}
