/** The same behaviour over every store. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { CampaignBuilder, QueueService, Unavailable } from 'queue-services';
import { deliveryTable, SqlDeduplicator } from 'queue-services/receiver';
import { FakeQueueService } from 'queue-services/testing';
import { reconcile, scheduleTracked, Tracker } from 'queue-services/tracking';
import * as stores from './support/stores.mjs';

after(stores.closePostgres);

const DAY = 86_400_000;
const sms = (key, more = {}) => ({ channel: 'sms', phoneNumber: '+1555', message: 'Hi', contactId: 'c-1', workspaceId: 'acme', idempotencyKey: key, ...more });
const away = new QueueService({ baseUrl: 'http://queue.test', sleep: async () => {}, fetch: async () => { throw new TypeError('fetch failed'); } });

for (const kind of ['sqlite', 'postgres', 'prisma', 'mongoose']) {
  const over = (name, body) => test(`${kind}: ${name}`, async () => {
    const { store } = await stores[kind]();
    const fake = new FakeQueueService();
    const tracker = new Tracker(store);
    const row = async (key) => (await store.find({ queueKeys: [key] }, 1))[0];
    await body({ fake, tracker, store, row, now: fake.clock.now() });
  });

  over('a message is written down, scheduled, recorded and followed to its end', async ({ fake, tracker, row, now }) => {
    const { accepted } = await scheduleTracked(tracker, fake, [sms('a', { delay: DAY }), sms('b')], now);
    assert.equal(accepted, 2);
    const before = await row('a');
    assert.deepEqual([before.queueStatus, before.queueError, before.scheduledFor], ['SCHEDULED', null, new Date(now.getTime() + DAY)]);
    assert.equal((await fake.status(before.queueJobId)).scheduledFor, before.scheduledFor.toISOString());
    fake.deliver = () => 422;
    await fake.advance({ days: 2 });
    const report = await reconcile(tracker, fake);
    assert.deepEqual([report.changes, report.corrected, report.rescheduled], [2, 2, 0]);
    const after = await row('a');
    assert.deepEqual([after.queueStatus, after.queueError, after.queueChangedAt], ['FAILED', '422', new Date(now.getTime() + DAY)]);
    assert.deepEqual((await reconcile(tracker, fake)).corrected, 0);
  });

  over('what the service did not take stays open, and is scheduled once by reconciling', async ({ fake, tracker, row, now }) => {
    const { rejected } = await scheduleTracked(tracker, away, [sms('a'), sms('b', { campaignId: 'spring', metadata: { tag: 1 } })], now);
    assert.equal(rejected, 2);
    assert.deepEqual([(await row('a')).queueStatus, (await row('a')).queueJobId], ['SCHEDULED', null]);
    assert.match((await row('a')).queueError, /did not answer/);
    await fake.scheduleMessage(sms('a')); // it had arrived after all
    const report = await reconcile(tracker, fake);
    assert.deepEqual([report.rescheduled, report.refused, fake.messages.length], [1, 0, 2]);
    assert.deepEqual(fake.messages[1].metadata, { tag: 1, campaignId: 'spring' });
    assert.equal((await reconcile(tracker, fake)).rescheduled, 0);
    assert.ok((await row('b')).queueJobId);
    await assert.rejects(reconcile(tracker, away), Unavailable);
  });

  over('what the service refuses is FAILED, and may be scheduled again under its key', async ({ fake, tracker, row, now }) => {
    await scheduleTracked(tracker, fake, [sms('a', { phoneNumber: 'none' })], now);
    assert.deepEqual([(await row('a')).queueStatus, (await row('a')).queueJobId], ['FAILED', null]);
    await scheduleTracked(tracker, fake, [sms('a')], now);
    assert.deepEqual([(await row('a')).queueStatus, typeof (await row('a')).queueJobId, (await row('a')).queueError], ['SCHEDULED', 'string', null]);
  });

  over('a job that the service lost is scheduled again where it is not too late', async ({ fake, tracker, row, now }) => {
    await tracker.plan([sms('a', { delay: DAY }), sms('old', { scheduledFor: new Date(now.getTime() - 4 * DAY) })], now);
    await tracker.record({ success: true, jobId: 'lost-1', idempotencyKey: 'a' }, { success: true, jobId: 'lost-2', idempotencyKey: 'old' });
    const report = await reconcile(tracker, fake, { full: true });
    assert.deepEqual([report.asked, report.rescheduled, report.abandoned], [2, 1, 1]);
    assert.equal((await row('old')).queueStatus, 'FAILED');
    assert.equal((await fake.status((await row('a')).queueJobId)).status, 'SCHEDULED');
  });

  over('what is late is listed', async ({ fake, tracker, now }) => {
    await scheduleTracked(tracker, fake, [sms('a', { campaignId: 'held' })], now);
    await new CampaignBuilder('held', [], { workspaceId: 'acme', service: fake }).pause();
    await fake.advance({ hours: 1 });
    const report = await reconcile(tracker, fake);
    assert.deepEqual([report.lateCount, report.late.map((late) => late.queueKey)], [1, ['a']]);
  });

  over('states come late or twice and change nothing, a retry after the end opens again', async ({ tracker, row, now }) => {
    await tracker.plan([sms('a')], now);
    await tracker.record({ success: true, jobId: 'j', idempotencyKey: 'a' });
    const at = (seconds) => new Date(now.getTime() + seconds * 1_000);
    const state = (status, seconds, error = null) => ({ jobId: 'j', status, at: seconds === null ? null : at(seconds), error });
    const changed = async (...given) => [await tracker.apply([state(...given)]), (await row('a')).queueStatus];
    assert.deepEqual(await changed('FAILED', 10, 'x'), [1, 'FAILED']);
    assert.deepEqual(await changed('FAILED', 10, 'x'), [0, 'FAILED']);
    assert.deepEqual(await changed('SCHEDULED', 5), [0, 'FAILED']);
    assert.deepEqual(await changed('PROCESSING', null), [0, 'FAILED']);
    assert.deepEqual(await changed('SCHEDULED', 20), [1, 'SCHEDULED']);
    assert.deepEqual(await changed('PROCESSING', null), [1, 'PROCESSING']);
    assert.equal(await tracker.applyEvent({ jobId: 'j', status: 'completed', timestamp: at(30).toISOString() }), true);
    assert.equal(await tracker.applyEvent({ jobId: 'j', status: 'completed', timestamp: at(30).toISOString() }), false);
    assert.equal(await tracker.applyEvent({ status: null, timestamp: at(31).toISOString() }), false);
    assert.equal((await row('a')).queueStatus, 'COMPLETED');
  });

  over('a key keeps its row, and is no other workspace\'s', async ({ tracker, row, now }) => {
    await tracker.plan([sms('a')], now);
    await tracker.record({ success: true, jobId: 'j', idempotencyKey: 'a' });
    await tracker.plan([sms('a', { delay: DAY }), sms('b')], now);
    assert.deepEqual([(await row('a')).queueJobId, (await row('a')).scheduledFor, (await row('b')).queueStatus], ['j', now, 'SCHEDULED']);
    await assert.rejects(tracker.plan([sms('a', { workspaceId: 'other' })], now), /begin keys with the workspace/);
  });

  over('open messages come in pages, those due first first', async ({ tracker, now }) => {
    await tracker.plan(Array.from({ length: 2_300 }, (_, index) => sms(`k-${String(index).padStart(4, '0')}`, { delay: (index % 7) * 1_000 })), now);
    const pages = [];
    for await (const page of tracker.open()) pages.push(page);
    assert.deepEqual(pages.map((page) => page.length), [1_000, 1_000, 300]);
    const seen = pages.flat();
    assert.equal(new Set(seen.map((message) => message.queueKey)).size, 2_300);
    assert.ok(seen.every((message, index) => index === 0 || seen[index - 1].scheduledFor <= message.scheduledFor));
  });

  over('a tracked campaign is written down before it is scheduled', async ({ fake, tracker, store }) => {
    const campaign = new CampaignBuilder('spring', [{ day: 1, at: '09:00', channel: 'sms', template: 'Hi' }], { workspaceId: 'acme', service: fake, tracker });
    const launch = await campaign.launch([{ id: 'c-1', phone: '+1555' }, { id: 'c-2' }]);
    const rows = await store.find({}, 10);
    assert.deepEqual(rows.map(({ queueKey, queueJobId }) => [queueKey, queueJobId]), [['spring:1:c-1', launch.messages[0].jobId]]);
    assert.equal(launch.messages[1].error, 'phone: contact c-2 has none');
  });
}

test('a proxy that passes the API alone is no reason not to reconcile; a service that is away is', async () => {
  const { store } = await stores.mongoose();
  const fake = new FakeQueueService();
  const behind = (status) => {
    const send = async (request) => (request.path === '/health' ? { status, body: 'no', headers: {} } : fake.send(request));
    return Object.assign(new FakeQueueService(), { send });
  };
  assert.equal((await reconcile(new Tracker(store), behind(404))).changes, 0);
  await assert.rejects(reconcile(new Tracker(store), behind(502)), Unavailable);
});

for (const kind of ['sqlite', 'postgres']) {
  test(`${kind}: a deduplicator in the database lets one claim a key, tells its state and forgets`, async () => {
    const { query, dialect } = await stores[kind]();
    await query(deliveryTable({ dialect }), []);
    const one = new SqlDeduplicator(query, { dialect });
    const other = new SqlDeduplicator(query, { dialect });
    assert.deepEqual([await one.state('a', 0), await one.claim('a', 0.25), await other.claim('a', 1), await other.state('a', 1)], ['unknown', 'new', 'inProgress', 'inProgress']);
    await other.release('a', 1);
    assert.equal(await other.claim('a', 2), 'inProgress');
    assert.deepEqual([await other.state('a', 60.25), await other.claim('a', 60.25)], ['unknown', 'new']);
    await one.release('a', 0.25); // the claim is the other's now
    await other.accept('a', 61);
    assert.deepEqual([await one.claim('a', 500), await one.state('a', 500)], ['accepted', 'accepted']);
    await one.claim('b', 1);
    await one.release('b', 1);
    assert.equal(await one.claim('b', 2), 'new');
    assert.deepEqual([await one.prune(61), await one.prune(62), await one.state('a', 500)], [0, 1, 'unknown']);
  });
}
