// A program over the types of openapi-typescript: `node with-openapi-fetch.js URL KEY`.
import createClient from 'openapi-fetch';
import type { components, paths } from './generated/types.js';

const [url, key] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${key}` } });

const message: components['schemas']['SmsBody'] = {
  to: '+15550100034',
  message: 'Hello',
  contactId: 'c-1',
  workspaceId: 'acme',
  delay: 60_000,
  priority: 'high',
  metadata: { campaignId: 'spring', anything: { nested: [1, 'two', null] } },
};
const scheduled = await client.POST('/api/schedule-sms', { body: message });
if (scheduled.error) throw new Error(scheduled.error.message);
const accepted: true = scheduled.data.success;

const email = await client.POST('/api/schedule-email', {
  body: { to: 'ann@example.com', subject: 'Hi', html: '<p>Hi</p>', contactId: 'c-1', workspaceId: 'acme' },
});
if (email.error) throw new Error(email.error.message);

const job = await client.GET('/api/job-status/{jobId}', { params: { path: { jobId: scheduled.data.jobId } } });
if (job.error) throw new Error(job.error.message);
const status: 'SCHEDULED' | 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' = job.data.status;

const refused = await client.POST('/api/schedule-sms', { body: { ...message, to: 'x' } });
const fields = refused.error?.errors?.map((fault) => fault.field);
console.log(JSON.stringify({ accepted, status, fields }));
