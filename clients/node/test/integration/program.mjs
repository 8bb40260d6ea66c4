/**
 * An application on this package, run against a service on a test clock: its settings come as JSON on
 * standard input, what it saw goes as JSON to standard output.
 */
import { createServer } from 'node:http';
import { CampaignBuilder, delayFor, Monitor, QueueService, scheduleEmail, scheduleSms } from 'queue-services';
import { parseEmail, parseEvent, parseSms, Receiver, RetryLater } from 'queue-services/receiver';
import * as forNode from 'queue-services/receiver/express';
import { reconcile, scheduleTracked, Tracker } from 'queue-services/tracking';
import { sqlite } from '../support/stores.mjs';

const { url, key, secret, port, start, steps, contacts } = JSON.parse(await new Response(process.stdin).text());
process.env.QUEUE_SERVICES_URL = url.replace('://', `://any:${key}@`);

const service = new QueueService();
const got = [];
const events = [];
let seconds = 0; // the service's clock, which a receiver that checks signatures needs
const receiver = new Receiver(secret, { clock: () => seconds, workspaces: ['acme'] });
const note = (message) => {
  if (message.metadata.once && message.attempt === 1) throw new RetryLater('not yet');
  got.push([message.jobId, message.to, message.message ?? message.subject, message.attempt]);
};
const routes = {
  '/send-sms': forNode.endpoint(receiver, parseSms, note),
  '/api/email/send': forNode.endpoint(receiver, parseEmail, note),
  '/events': forNode.endpoint(receiver, parseEvent, async (event) => { events.push(event.type); await tracker.applyEvent(event); }),
};
const server = createServer((request, response) => {
  seconds = Number(request.headers['webhook-timestamp']);
  return routes[request.url](request, response);
});
await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));

const { store } = await sqlite();
const tracker = new Tracker(store);
const now = async () => new Date((await service.call('GET /health', {})).timestamp);
const patient = new QueueService({ timeoutMs: 120_000 }); // an advance is answered when all that fell due is recorded
const advance = (milliseconds) => patient.call('POST /api/test-clock/advance', { body: { delay: milliseconds } });
const said = {};
await service.changeWorkspace('acme', { eventsUrl: `http://127.0.0.1:${port}/events`, signingSecret: secret });

const first = await scheduleEmail({ to: 'ada@example.org', subject: 'News', html: '<p>Hello</p>', contactId: 'c-1', workspaceId: 'acme' }, 5_000);
const retried = await scheduleSms({ phoneNumber: '+15550100', message: 'Hello', contactId: 'c-1', workspaceId: 'acme', metadata: { once: true } });
const wrong = await scheduleSms({ phoneNumber: 'none', message: '', contactId: 'c-1', workspaceId: 'acme' });
Object.assign(said, { wrong: wrong.faults.map((fault) => fault.field).sort(), refused: (await new QueueService(url, 'x'.repeat(40)).scheduleSms({ to: '+1555', message: 'x', contactId: 'c', workspaceId: 'acme' })).success });
await advance(10_000);
said.statuses = [await service.status(first.jobId), await service.status(retried.jobId)].map(({ status, attemptsMade }) => [status, attemptsMade]);

const campaign = new CampaignBuilder('spring', steps, { workspaceId: 'acme', zone: 'Europe/Berlin', service });
const launch = await campaign.launch(contacts, { spreadMs: 3_600_000, start });
said.launch = { accepted: launch.accepted, replayed: launch.replayed, errors: launch.messages.flatMap(({ error }) => error ?? []) };
said.steered = [await campaign.pause(), await campaign.shift(60_000), await campaign.resume()];
said.forecast = typeof (await campaign.forecast(10)).endAt;

const bulk = Array.from({ length: 1_500 }, (_, index) => ({ channel: 'sms', to: `+1555${1000 + index}`, message: `Part ${index}`, contactId: `b-${index}`, workspaceId: 'acme', delay: index < 30 ? 60_000 : 86_400_000 }));
const tracked = await scheduleTracked(tracker, service, bulk, await now());
said.bulk = [tracked.accepted, tracked.rejected];
await advance(600_000);
const report = await reconcile(tracker, service);
said.reconciled = [report.lateCount, (await store.find({ queueStatuses: ['COMPLETED'] }, 5_000)).length];
said.arrived = [got.length, new Set(got.map(([jobId]) => jobId)).size];

const jobs = [];
for await (const job of service.jobs({ workspaceId: 'acme', campaignId: 'spring' })) jobs.push(job.jobId);
said.jobs = jobs.length;
const [cancelled] = await Promise.all([campaign.cancel(), new Monitor(service).check()]);
said.cancelled = [cancelled, (await campaign.progress()).counts.CANCELLED];
said.delay = delayFor(1, '09:30', 'Europe/Berlin', await now()) > 0;
said.events = [...new Set(events)].sort();
console.log(JSON.stringify(said));
server.closeAllConnections();
server.close();
