// A program over the client of hey-api: `node with-hey-api.js URL KEY`.
import { client } from './generated/hey/client.gen.js';
import { getJobStatus, scheduleBatch, scheduleEmail, scheduleSms } from './generated/hey/sdk.gen.js';

const [url, key] = process.argv.slice(2);
client.setConfig({ baseUrl: url as `${string}://${string}`, auth: () => key });

const message = { to: '+15550100034', message: 'Hello', contactId: 'c-1', workspaceId: 'acme', delay: 60_000 };
const scheduled = await scheduleSms({ body: { ...message, metadata: { campaignId: 'spring' } }, throwOnError: true });
const accepted: true = scheduled.data.success;
await scheduleEmail({
  body: { to: 'ann@example.com', subject: 'Hi', html: '<p>Hi</p>', contactId: 'c-1', workspaceId: 'acme' },
  throwOnError: true,
});
const batch = await scheduleBatch({ body: { messages: [{ channel: 'sms', ...message }] }, throwOnError: true });
if (batch.data.accepted !== 1) throw new Error('the batch was not accepted');
const job = await getJobStatus({ path: { jobId: scheduled.data.jobId }, throwOnError: true });
const refused = await scheduleSms({ body: { ...message, to: 'x' } });
const fields = refused.error?.errors?.map((fault) => fault.field);
console.log(JSON.stringify({ accepted, status: job.data.status, fields }));
