import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CampaignBuilder, Conflict, NotFound } from 'queue-services';
import { parseEmail, parseSms, Receiver, Reject, SlowDown } from 'queue-services/receiver';
import { askEndpoint, endpoint } from 'queue-services/receiver/fetch';
import { FakeQueueService } from 'queue-services/testing';

const DAY = 86_400_000;
const SECRET = `whsec_${btoa('a secret of twenty-four!')}`;
const sms = (more = {}) => ({ phoneNumber: '+49 170 1234567', message: 'Hi', contactId: 'c-1', workspaceId: 'acme', ...more });
const email = (more = {}) => ({ to: 'ada@example.org', subject: 'S', html: '<p>', contactId: 'c-1', workspaceId: 'acme', ...more });

test('messages are delivered to the application when the clock reaches them, signed', async () => {
  const got = [];
  const fake = new FakeQueueService({}, { signingSecret: SECRET });
  const receiver = new Receiver(SECRET, { clock: () => fake.clock.seconds() });
  fake.deliver = {
    '/send-sms': endpoint(receiver, parseSms, (message) => void got.push([message.message, fake.clock.now().toISOString()])),
    '/api/email/send': endpoint(receiver, parseEmail, (message) => void got.push([message.subject, message.metadata])),
  };
  const { jobId } = await fake.scheduleSms(sms(), 2 * DAY);
  await fake.scheduleEmail(email({ source: 'welcome' }), DAY);
  await fake.advance({ days: 1, hours: 23 });
  assert.deepEqual(got, [['S', { source: 'welcome' }]]);
  assert.equal((await fake.status(jobId)).status, 'SCHEDULED');
  await fake.advance({ hours: 1 });
  assert.deepEqual(got[1], ['Hi', '2026-01-07T09:00:00.000Z']);
  const job = await fake.status(jobId);
  assert.deepEqual([job.status, job.attempts.length, job.attempts[0].outcome], ['COMPLETED', 1, 'delivered']);
});

test('what is asked is checked as the service checks it, every fault at once', async () => {
  const fake = new FakeQueueService();
  const faults = async (data) => (await fake.scheduleSms(data)).faults.map((fault) => fault.field);
  assert.deepEqual(await faults(sms({ phoneNumber: 'call me', message: '', contactId: null, priority: 'urgent' })), ['phoneNumber', 'message', 'contactId', 'priority']);
  assert.deepEqual(await faults(sms({ delay: 401 * DAY })), ['delay']);
  assert.deepEqual(await faults(sms({ scheduledFor: '2026-01-05T10:00:00', expiresAt: 'soon' })), ['scheduledFor', 'expiresAt']);
  for (const path of ['send', '//evil.example', '/a/../b', '/a/%2e%2E/b', '/a#b', '/a\\b']) assert.deepEqual(await faults(sms({ callbackEndpoint: path })), ['metadata.callbackEndpoint'], path);
  assert.equal(fake.messages.length, 0);
});

test('an idempotency key schedules once, and no other message', async () => {
  const fake = new FakeQueueService();
  const first = await fake.scheduleSms(sms({ idempotencyKey: 'k', metadata: { a: 1, b: 2 } }), 5_000);
  const again = await fake.scheduleSms(sms({ idempotencyKey: 'k', metadata: { b: 2, a: 1 } }), 9_000);
  assert.deepEqual([again.replayed, again.jobId], [true, first.jobId]);
  assert.match((await fake.scheduleSms(sms({ idempotencyKey: 'k', message: 'other' }))).error, /another message/);
});

test('answers have the outcomes of the service', async () => {
  const fake = new FakeQueueService();
  const ending = async (...answers) => {
    fake.deliver = () => (answers.length > 1 ? answers.shift() : answers[0]);
    const { jobId } = await fake.scheduleSms(sms());
    await fake.advance({ days: 2 });
    const { status, reason, attemptsMade, attempts, error } = await fake.status(jobId);
    return [status, reason, attemptsMade, attempts.length, error];
  };
  assert.deepEqual(await ending(500, undefined), ['COMPLETED', null, 2, 2, null]);
  assert.deepEqual(await ending(500), ['FAILED', 'exhausted', 3, 3, '500']);
  assert.deepEqual(await ending('timeout', 200), ['COMPLETED', null, 2, 2, null]);
  assert.deepEqual(await ending(422), ['FAILED', 'rejected', 1, 1, '422']);
  assert.deepEqual(await ending(Response.json({ success: false, error: 'no credit' }), 200), ['COMPLETED', null, 2, 2, null]);
  assert.deepEqual((await ending('unreachable')).slice(0, 4), ['FAILED', 'unreachable', 0, 0]);
  assert.deepEqual(await ending(429, 200), ['COMPLETED', null, 1, 2, null]);
});

test('a receiver that asks for time gets it', async () => {
  let calls = 0;
  const receiver = new Receiver(null);
  const fake = new FakeQueueService(endpoint(receiver, parseSms, () => { calls += 1; if (calls === 1) throw new SlowDown(30); }));
  const { jobId } = await fake.scheduleSms(sms());
  await fake.advance({ seconds: 29 });
  assert.equal(calls, 1);
  await fake.advance({ seconds: 1 });
  assert.deepEqual([calls, (await fake.status(jobId)).attemptsMade], [2, 1]);
});

test('an endpoint that throws fails the test and leaves the message', async () => {
  const fake = new FakeQueueService(() => { throw new Error('in the test'); });
  const { jobId } = await fake.scheduleSms(sms());
  await assert.rejects(fake.advance(), /in the test/);
  assert.equal((await fake.status(jobId)).status, 'SCHEDULED');
  await assert.rejects(fake.advance({ days: -1 }), RangeError);
});

test('jobs are cancelled, retried, promoted, rescheduled and listed', async () => {
  const fake = new FakeQueueService();
  const { jobId } = await fake.scheduleSms(sms({ contactId: 'c-9' }), DAY);
  assert.equal((await fake.reschedule(jobId, new Date('2026-01-08T08:00:00Z'))).scheduledFor, '2026-01-08T08:00:00.000Z');
  assert.equal((await fake.cancel(jobId)).status, 'CANCELLED');
  await assert.rejects(fake.cancel(jobId), Conflict);
  assert.equal((await fake.retry(jobId)).reason, null);
  await fake.promote(jobId);
  await fake.advance();
  assert.equal((await fake.status(jobId)).status, 'COMPLETED');
  const listed = [];
  for await (const job of fake.jobs({ workspaceId: 'acme', contactId: 'c-9' })) listed.push(job.jobId);
  assert.deepEqual(listed, [jobId]);
  assert.deepEqual((await fake.statuses([jobId, 'no'])).unknown, ['no']);
  await assert.rejects(fake.status('no'), NotFound);
  assert.deepEqual((await fake.changes()).changes.map(({ status }) => status), ['COMPLETED']);
});

test('a message past its expiry is not sent', async () => {
  const fake = new FakeQueueService();
  const { jobId } = await fake.scheduleSms(sms({ expiresAt: new Date(fake.clock.now().getTime() + 1_000), campaignId: 'late' }));
  const late = new CampaignBuilder('late', [], { workspaceId: 'acme', service: fake });
  await late.pause();
  await fake.advance({ minutes: 1 });
  await late.resume();
  await fake.advance();
  const { status, reason } = await fake.status(jobId);
  assert.deepEqual([status, reason, fake.callbacks.length], ['CANCELLED', 'expired', 0]);
});

test('a failure that a test asks for is met once and tried again', async () => {
  const fake = new FakeQueueService();
  fake.failNext('lost', 503);
  assert.equal((await fake.scheduleSms(sms())).success, true);
  fake.failNext(401);
  assert.equal((await fake.scheduleSms(sms())).success, false);
});

test('a campaign is launched, paused, shifted and counted', async () => {
  const fake = new FakeQueueService();
  const campaign = new CampaignBuilder('spring', [{ day: 1, at: '09:30', channel: 'sms', template: 'Hi $name' }], { workspaceId: 'acme', service: fake });
  const contacts = Array.from({ length: 5 }, (_, index) => ({ id: `c-${index}`, phone: '+1555', fields: { name: `N${index}` } }));
  const progress = [];
  const launch = await campaign.launch(contacts, { onProgress: (now) => progress.push(now.answered) });
  assert.deepEqual([launch.accepted, progress], [5, [5]]);
  assert.equal((await campaign.launch(contacts)).replayed, 5);
  assert.deepEqual([await campaign.pause(), await campaign.shift(3_600_000)], [5, 5]);
  await fake.advance({ days: 3 });
  assert.deepEqual([fake.callbacks.length, (await campaign.progress()).state], [0, 'paused']);
  await campaign.resume();
  await fake.advance();
  assert.deepEqual([fake.callbacks.length, (await campaign.progress()).counts.COMPLETED], [5, 5]);
  assert.equal((await campaign.forecast(100)).limitedBy, 'serviceLimit');
});

test('batches go to their endpoint, and only the messages that failed come again', async () => {
  const got = [];
  const receiver = new Receiver(SECRET, { clock: () => fake.clock.seconds() });
  const fake = new FakeQueueService({}, { signingSecret: SECRET, batchEndpoints: { sms: '/sms-batch' } });
  const handler = ({ message, attempt }) => {
    got.push([message, attempt]);
    if (message === 'slow' && attempt === 1) throw new SlowDown(30);
    if (message === 'bad') throw new Reject('no such number');
  };
  fake.deliver = { '/sms-batch': endpoint(receiver, parseSms, handler), '/own': endpoint(receiver, parseSms, handler) };
  const jobs = [];
  for (const message of ['ok', 'slow', 'bad']) jobs.push((await fake.scheduleSms(sms({ message }))).jobId);
  await fake.scheduleSms(sms({ message: 'own', callbackEndpoint: '/own' }));
  await fake.scheduleSms(sms({ message: 'other', workspaceId: 'other' }));
  await fake.advance({ minutes: 1 });
  assert.deepEqual(fake.callbacks.map(({ path, body }) => [path, body.messages?.length]), [['/sms-batch', 3], ['/own', undefined], ['/sms-batch', 1], ['/sms-batch', 1]]);
  assert.deepEqual(got, [['ok', 1], ['slow', 1], ['bad', 1], ['own', 1], ['other', 1], ['slow', 2]]);
  const { jobs: ended } = await fake.statuses(jobs);
  assert.deepEqual(ended.map(({ status, reason, attemptsMade, error }) => [status, reason, attemptsMade, error]), [['COMPLETED', null, 1, null], ['COMPLETED', null, 1, null], ['FAILED', 'rejected', 1, 'no such number']]);
});

test('a batch that is refused for being one comes again in smaller ones, without a try', async () => {
  const sizes = [];
  const refusing = (status, most) => async (request) => {
    const { messages } = await request.json();
    sizes.push(messages.length);
    return messages.length > most ? status : 200;
  };
  for (const [status, most, expected] of [[413, 2, [4, 2, 2]], [400, 1, [4, 1, 1, 1, 1]]]) {
    sizes.length = 0;
    const fake = new FakeQueueService(refusing(status, most), { batchEndpoints: { sms: '/b' } });
    for (let number = 0; number < 4; number += 1) await fake.scheduleSms(sms({ message: `${number}` }));
    await fake.advance({ minutes: 1 });
    assert.deepEqual(sizes, expected);
    for await (const job of fake.jobs()) assert.deepEqual([job.status, job.attemptsMade], ['COMPLETED', 1]);
  }
});

test('an application is asked before a message that timed out is sent again', async () => {
  const receiver = new Receiver(null);
  const handled = [];
  const taking = endpoint(receiver, parseSms, (message) => void handled.push(message.message));
  const fake = new FakeQueueService({ '/sms-sent': askEndpoint(receiver) }, { askEndpoints: { sms: '/sms-sent' } });
  fake.deliver['/send-sms'] = async (request) => { await taking(request); return 'timeout'; };
  const taken = await fake.scheduleSms(sms({ message: 'taken' }));
  await fake.advance({ minutes: 1 });
  const job = await fake.status(taken.jobId);
  assert.deepEqual([job.status, job.attempts.map(({ outcome, confirmed }) => [outcome, confirmed])], ['COMPLETED', [['timeout', undefined], ['delivered', true]]]);
  let times = 0;
  fake.deliver['/send-sms'] = (request) => { times += 1; return times === 1 ? 'timeout' : taking(request); };
  const lost = await fake.scheduleSms(sms({ message: 'lost' }));
  await fake.advance({ minutes: 1 });
  assert.deepEqual([(await fake.status(lost.jobId)).status, handled], ['COMPLETED', ['taken', 'lost']]);
  fake.deliver = (request) => (request.method === 'GET' ? 500 : 'timeout');
  const unknown = await fake.scheduleSms(sms({ message: 'unknown' }));
  await fake.advance({ hours: 23 });
  assert.equal(fake.callbacks.filter(({ body }) => body.message === 'unknown').length, 1);
  await fake.advance({ hours: 2 });
  const { status, reason } = await fake.status(unknown.jobId);
  assert.deepEqual([status, reason], ['FAILED', 'unreachable']);
});
