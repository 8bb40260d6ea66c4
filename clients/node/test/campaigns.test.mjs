import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CampaignBuilder, idempotencyKey, QueueService, Rollout, ValidationFailed } from 'queue-services';
import { api } from './support/api.mjs';

const cases = JSON.parse(readFileSync(new URL('data/plans.json', import.meta.url), 'utf8'));

/** A service on a fixed clock that notes the lines of its batches and accepts each. */
function noting(lines) {
  const now = () => new Date(cases.now);
  const fetch = async (url, { body }) => {
    const sent = body.split('\n').map((line) => JSON.parse(line));
    lines.push(...sent);
    return Response.json({ success: true, results: sent.map((line, index) => ({ index, jobId: `job-${line.idempotencyKey}` })) });
  };
  return new QueueService({ baseUrl: 'http://queue.example', now, fetch });
}

for (const { id, zone, kind, options, rollout, planned, heldBack } of cases.launches) {
  test(`the launch of ${id} sends what the Python client sends`, async () => {
    const lines = [];
    const campaign = new CampaignBuilder(id, cases.steps, { workspaceId: 'acme', zone, kind: kind ?? undefined, service: noting(lines) });
    const start = options.start.includes('T') ? new Date(options.start) : options.start;
    const launch = await campaign.launch(cases.contacts, { ...options, start, rollout: rollout ? new Rollout(rollout) : undefined });
    assert.deepEqual(lines, planned.filter((entry) => !entry.refused));
    assert.equal(launch.heldBack, heldBack);
    assert.equal(launch.messages.length, planned.length);
    planned.forEach((entry, index) => {
      const message = launch.messages[index];
      if (!entry.refused) return assert.equal(message.jobId, `job-${entry.idempotencyKey}`);
      assert.equal(message.jobId, null);
      return entry.refused.forEach((fault) => assert.ok(message.error.includes(`${fault.field}: ${fault.message}`), message.error));
    });
    assert.equal(launch.rejected, planned.filter((entry) => entry.refused).length);
  });
}

test('keys longer than the service takes are hashed', () => {
  assert.equal(idempotencyKey('spring', '1', 'c-7'), 'spring:1:c-7');
  assert.equal(idempotencyKey('a:b', '1', 'c'), 'a%3Ab:1:c');
  assert.match(idempotencyKey('spring', '1', 'x'.repeat(255)), /^sha256:[0-9a-f]{64}$/);
});

test('a campaign is watched and steered by its id', async (t) => {
  const server = await api(t, { body: { success: true, count: 5 } });
  const campaign = new CampaignBuilder('spring/1', [], { workspaceId: 'acme', service: new QueueService(server.url) });
  assert.deepEqual([await campaign.pause(), await campaign.resume(), await campaign.cancel(), await campaign.shift(-60_000)], [5, 5, 5, 5]);
  await campaign.progress();
  assert.deepEqual(server.asked.map(({ method, url }) => `${method} ${url}`), [
    ...['pause', 'resume', 'cancel', 'shift'].map((verb) => `POST /api/campaigns/spring%2F1/${verb}?workspaceId=acme`),
    'GET /api/campaigns/spring%2F1?workspaceId=acme',
  ]);
  assert.equal(server.asked[3].body, '{"delay":-60000}');
});

test('a shift is not asked for again when it may have been carried out', async (t) => {
  const server = await api(t, 'reset');
  const campaign = new CampaignBuilder('spring', [], { workspaceId: 'acme', service: new QueueService({ baseUrl: server.url, sleep: async () => {} }) });
  await assert.rejects(campaign.shift(1_000));
  assert.equal(server.asked.length, 1);
});

test('a forecast is from the first start to the last end', async (t) => {
  const answers = [{ startAt: '2026-01-02T00:00:00.000Z', endAt: '2026-01-02T00:10:00.000Z', limitedBy: 'serviceLimit' }, { startAt: '2026-01-01T00:00:00.000Z', endAt: null, limitedBy: 'pause' }];
  const server = await api(t, ...answers.map((body) => ({ body: { success: true, ...body } })));
  const steps = [{ day: 1, at: '09:00', channel: 'sms' }, { day: 0, at: '09:00', channel: 'email' }];
  const forecast = await new CampaignBuilder('spring', steps, { workspaceId: 'acme', service: new QueueService(server.url) }).forecast(100, { start: '2026-01-01' });
  assert.deepEqual(forecast, { startAt: '2026-01-01T00:00:00.000Z', endAt: null, limitedBy: 'pause' });
  assert.equal(JSON.parse(server.asked[0].body).scheduledFor, '2026-01-02T09:00:00.000Z');
});

test('steps that cannot be sent are named', async () => {
  const of = (step) => () => new CampaignBuilder('x', [{ day: 0, at: '09:00', channel: 'sms' }, step], { workspaceId: 'acme' });
  for (const [step, field] of [[{ day: 0, at: '25:00', channel: 'sms' }, 'steps[1].at'], [{ day: 0, at: '09:00', channel: 'fax' }, 'steps[1].channel'],
    [{ day: 0, at: '09:00', channel: 'sms', template: 'a $ b' }, 'steps[1].template'], [{ day: 0, at: '09:00', channel: 'sms', id: '1' }, 'steps'], [{ day: 0, at: '09:00', channel: 'sms', days: [8] }, 'steps[1].days']]) {
    assert.throws(of(step), (error) => error instanceof ValidationFailed && error.faults[0].field === field, field);
  }
  await assert.rejects(new CampaignBuilder('x', [], { workspaceId: 'acme' }).launch([]), ValidationFailed);
});
