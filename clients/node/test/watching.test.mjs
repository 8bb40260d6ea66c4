/** Notifications, the monitor and rollouts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Monitor, NotificationManager, Rollout } from 'queue-services';
import { FakeQueueService } from 'queue-services/testing';

test('notifications go out now, first, and not at all when they are late', async () => {
  const fake = new FakeQueueService();
  const notifications = new NotificationManager(fake, { workspaceId: 'acme', source: 'accounts' });
  const result = await notifications.sendSms({ phoneNumber: '+1555', message: 'Your code is 123456', contactId: 'c-1', expiresAfterMs: 600_000 });
  assert.equal(result.success, true);
  await notifications.sendEmail({ to: 'a@b', subject: 'S', html: '<p>', contactId: 'c-1', priority: 'low', source: 'other' });
  const [sms, email] = fake.messages;
  assert.deepEqual([sms.priority, sms.expiresAt - fake.clock.now().getTime(), sms.metadata, sms.delayed], ['high', 600_000, { source: 'accounts' }, false]);
  assert.deepEqual([email.priority, email.metadata], ['low', { source: 'other' }]);
  assert.equal((await notifications.sendSms({ phoneNumber: 'x', message: '', contactId: '' })).success, false);
});

test('an exceedance is told once, and nearness once until use fell', async () => {
  const fake = new FakeQueueService();
  const told = [];
  const tell = (alert) => told.push(`${alert.kind} ${alert.workspaceId} ${alert.channel}`);
  const monitor = new Monitor(fake, { onExceeded: tell, onApproaching: tell });
  assert.deepEqual(await monitor.check(), []);
  fake.exceedLimit('acme', 'sms', 175);
  fake.useLimit('busy', 'email', 0.85);
  await monitor.check();
  await monitor.check();
  assert.deepEqual(told, ['exceeded acme sms', 'approaching busy email']);
  fake.useLimit('busy', 'email', 0.65);
  await monitor.check();
  fake.useLimit('busy', 'email', 0.9);
  await monitor.check();
  assert.equal(told.length, 2);
  fake.useLimit('busy', 'email', 0.5);
  await monitor.check();
  fake.useLimit('busy', 'email', 0.9);
  await fake.advance({ seconds: 1 });
  fake.exceedLimit('acme', 'sms');
  const [alert] = await monitor.check();
  assert.deepEqual([alert.use.count, told.length], [2, 4]);
});

test('limits of the tiers that are named are raised, to their maximum', async () => {
  const fake = new FakeQueueService();
  await fake.changeWorkspace('acme', { tier: 'premium', limits: { sms: 150 } });
  await fake.changeWorkspace('other', { tier: 'standard', limits: { sms: 150 } });
  const monitor = new Monitor(fake, { raiseLimits: { premium: { maximum: 200 } } });
  const limits = [];
  for (let times = 0; times < 3; times += 1) {
    fake.exceedLimit('acme', 'sms');
    fake.exceedLimit('other', 'sms');
    await monitor.check();
    limits.push((await fake.workspace('acme')).limits.sms);
    await fake.advance({ seconds: 1 });
  }
  assert.deepEqual(limits, [187, 200, 200]);
  assert.equal((await fake.workspace('other')).limits.sms, 150);
});

test('a monitor goes on after what goes wrong, until it is told to stop', async () => {
  const fake = new FakeQueueService();
  const stop = new AbortController();
  const seen = [];
  fake.exceedLimit('acme', 'sms');
  fake.failNext(401);
  const monitor = new Monitor(fake, { onError: (error) => seen.push(error.name), onExceeded: () => { seen.push('exceeded'); stop.abort(); } });
  await monitor.runEvery(600_000, { signal: stop.signal });
  assert.deepEqual(seen, ['Unauthorized', 'exceeded']);
});

test('raising a rollout only adds contacts', () => {
  const taking = (percent, name) => new Set(Array.from({ length: 1_000 }, (_, index) => `c-${index}`).filter((id) => new Rollout({ percent, name }).allows(id, { workspaceId: 'acme' })));
  const [few, more] = [taking(10), taking(50)];
  assert.ok([...few].every((id) => more.has(id)));
  assert.ok(few.size > 60 && few.size < 140 && more.size > 440 && more.size < 560);
  assert.deepEqual([taking(0).size, taking(100).size], [0, 1_000]);
  assert.notDeepEqual(taking(10, 'other'), few);
  const rollout = new Rollout({ kinds: ['welcome'], workspaces: ['acme'] });
  assert.deepEqual([['acme', 'welcome'], ['acme', undefined], ['other', 'welcome']].map(([workspaceId, kind]) => rollout.allows('c', { workspaceId, kind })), [true, false, false]);
});
