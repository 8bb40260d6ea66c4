/**
 * Every JavaScript block of the integration guide, as it stands: each runs against the service with
 * its base URL changed and nothing else, and beside it what the package makes of it.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CampaignBuilder, delayFor, Monitor, NotificationManager, scheduleEmail } from 'queue-services';
import { FakeQueueService } from 'queue-services/testing';
import { scheduleTracked, Tracker } from 'queue-services/tracking';
import { axiosAt, served } from './support/served.mjs';
import { sqlite } from './support/stores.mjs';

const email = { to: 'ada@example.org', subject: 'Welcome', html: '<p>Hello</p>', contactId: 'c-1', workspaceId: 'workspace-123' };
const block = (name) => readFileSync(new URL(`guide/${name}.js.txt`, import.meta.url), 'utf8');

/** Runs a block with its free names; the functions it defines. `export` and `import` are taken out, as it is no module here. */
function run(code, free, defined) {
  const plain = code.replace(/^export /gm, '').replace(/^import .*$/gm, '');
  return new Function(...Object.keys(free), `${plain}\nreturn { ${defined.join(', ')} };`)(...Object.values(free));
}

async function world(t) {
  const fake = new FakeQueueService();
  const url = await served(t, fake);
  process.env.QUEUE_SERVICES_URL = url;
  t.after(() => { delete process.env.QUEUE_SERVICES_URL; });
  return { fake, url, axios: axiosAt(url) };
}

test('without a service layer: calls scattered through the application', async (t) => {
  const { fake, axios } = await world(t);
  const free = { axios, email: email.to, subject: email.subject, content: email.html, contactId: 'c-1', workspaceId: 'workspace-123', calculateDelay: () => 60_000 };
  const code = block('without-a-service-layer');
  const { launchCampaign } = run(code, free, ['launchCampaign']);
  await launchCampaign();
  assert.deepEqual([fake.messages.length, fake.messages[0].delayed, fake.messages[0].content.html], [1, true, email.html]);
  // Its second function leaves the body to the reader ("similar code duplicated"): the empty object is refused, and caught.
  await run(code, free, ['sendNotification']).sendNotification();
  assert.equal(fake.messages.length, 1);
});

test('with a service layer: the module is the package, its callers stay', async (t) => {
  const { fake, axios } = await world(t);
  const code = block('with-a-service-layer');
  const logged = [];
  const free = { axios, logger: { error: (...line) => logged.push(line) }, queueService: undefined, emailData: email, notificationData: email, calculateDelay: () => 5_000 };
  const own = run(code, free, ['scheduleEmail']);
  const first = await own.scheduleEmail({ ...email, idempotencyKey: 'k' }, 5_000);
  const second = await scheduleEmail({ ...email, idempotencyKey: 'k' }, 5_000);
  assert.deepEqual([first.success, second.success, second.jobId], [true, true, first.jobId]);
  assert.deepEqual([(await own.scheduleEmail({ ...email, to: 'nobody' }, 0)).success, logged.length], [false, 1]);
  const bad = await scheduleEmail({ ...email, to: 'nobody' }, 0);
  assert.deepEqual([bad.success, typeof bad.error], [false, 'string']);
  const callers = run(code, { ...free, queueService: { scheduleEmail } }, ['launchCampaign', 'sendNotification']);
  await callers.launchCampaign();
  await callers.sendNotification();
  assert.deepEqual(fake.messages.map((message) => message.delayed), [true, true, false]);
});

test('the same two callers as the package has them: CampaignBuilder and NotificationManager', async () => {
  const fake = new FakeQueueService();
  const steps = [{ day: 0, at: '18:00', channel: 'email', subject: 'Welcome', template: '<p>Hello $name</p>' }];
  const launch = await new CampaignBuilder('welcome', steps, { workspaceId: 'workspace-123', service: fake }).launch([{ id: 'c-1', email: email.to, fields: { name: 'Ada' } }]);
  const { workspaceId, ...notification } = email;
  const sent = await new NotificationManager(fake, { workspaceId }).sendEmail(notification);
  assert.deepEqual([launch.accepted, sent.success], [1, true]);
  assert.deepEqual(fake.messages.map(({ content, delayed }) => [content.html, delayed]), [['<p>Hello Ada</p>', true], ['<p>Hello</p>', false]]);
});

test('the example implementation schedules, and tells what went wrong', async (t) => {
  const { fake, axios } = await world(t);
  const silent = { error: () => {} };
  const free = { axios, console: silent, messageData: email, delayInMs: 1_000 };
  const { scheduleMessage, launchCampaign } = run(block('example-implementation'), free, ['scheduleMessage', 'launchCampaign']);
  await launchCampaign({});
  assert.equal(fake.messages.length, 1);
  assert.deepEqual(await scheduleMessage({ ...email, to: '' }, 5), { success: false, error: 'Request failed with status code 400' });
  const replaced = run(block('example-implementation').replace(/^export async function scheduleMessage[^]*?^}/m, ''), { ...free, scheduleMessage: scheduleEmail }, ['launchCampaign']);
  await replaced.launchCampaign({});
  assert.equal(fake.messages.length, 2);
});

test('the calculation of delays is right where the machine is; delayFor is right in every zone', (t) => {
  const { calculateDelayMs } = run(block('campaign-timing'), {}, ['calculateDelayMs']);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-06-10T12:00:00.250Z') });
  for (const [day, at] of [[0, '00:00:00'], [0, '23:59:59'], [1, '09:30:00'], [3, '18:00:15'], [9, '12:00:00']]) {
    assert.equal(delayFor(day, at, zone), calculateDelayMs(day, at, zone), `${day} ${at}`);
  }
  assert.equal(delayFor(0, '21:30:00', 'Asia/Tokyo'), 30 * 60_000 - 250);
});

test('the fields of the schema are those that tracking keeps', async () => {
  const schema = new Function(`return (${block('schema')})`)();
  const { store } = await sqlite();
  const fake = new FakeQueueService();
  const tracker = new Tracker(store);
  await scheduleTracked(tracker, fake, [{ channel: 'email', ...email }], fake.clock.now());
  const [row] = await store.find({}, 1);
  for (const name of Object.keys(schema)) assert.ok(name in row, name);
  assert.ok(schema.queueStatus.enum.includes(row.queueStatus));
  assert.equal(row.queueStatus, schema.queueStatus.default);
  assert.deepEqual([new schema.queueJobId(row.queueJobId).length, row.scheduledFor instanceof schema.scheduledFor], [36, true]);
});

test('the monitoring example sees exceedances, and so does the monitor', async (t) => {
  const { fake, axios } = await world(t);
  const [told, raised, jobs] = [[], [], []];
  const free = {
    axios, console: { warn: () => {}, error: () => {} }, notifyAdmins: (text) => told.push(text), isHighTierCustomer: (id) => id === 'workspace-123', adjustRateLimits: (id) => raised.push(id),
    schedule: { scheduleJob: (cron, job) => jobs.push([cron, job]) }, getHighVolumeWorkspaces: async () => [{ id: 'workspace-123' }, { id: 'quiet' }],
  };
  const { checkWorkspaceRateLimits } = run(block('monitoring'), free, ['checkWorkspaceRateLimits']);
  fake.exceedLimit('workspace-123', 'sms', 75);
  const [[cron, job]] = jobs;
  await job();
  assert.deepEqual([cron, told, raised], ['*/10 * * * *', ['Workspace workspace-123 is experiencing rate limit issues'], ['workspace-123']]);
  const { sms, email: emails } = await checkWorkspaceRateLimits('workspace-123');
  assert.deepEqual([sms.details[0].batchSize, sms.details[0].errorMessage, emails.count, emails.lastExceeded], [75, 'Rate limit exceeded: 50 per second', 0, null]);
  const alerts = await new Monitor(fake, { onExceeded: (alert) => told.push(alert.workspaceId) }).check();
  assert.deepEqual([alerts.length, told.at(-1)], [1, 'workspace-123']);
});
