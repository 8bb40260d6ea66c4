import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conflict, NotFound, QueueService, scheduleEmail, scheduleSms, Unauthorized, Unavailable, ValidationFailed } from 'queue-services';
import { api, problem, refusing, scheduled, unhurried } from './support/api.mjs';

const email = { to: 'ada@example.org', subject: 'Hi', html: '<p>Hi</p>', contactId: 'c-1', workspaceId: 'acme' };
const sms = { phoneNumber: '+491701234567', message: 'Hi', contactId: 'c-1', workspaceId: 7 };

const sent = (request) => JSON.parse(request.body);

test('an email is posted with its delay and answered with its job', async (t) => {
  const server = await api(t, scheduled('job-7'));
  const service = new QueueService({ baseUrl: server.url, key: 'secret' });
  const result = await service.scheduleEmail({ ...email, idempotencyKey: 'k-1' }, 5_000);
  assert.deepEqual(result, { success: true, jobId: 'job-7', scheduledFor: '2026-01-05T09:00:00.000Z', idempotencyKey: 'k-1' });
  const [request] = server.asked;
  assert.equal(`${request.method} ${request.url}`, 'POST /api/schedule-email');
  assert.equal(request.headers.authorization, 'Bearer secret');
  assert.deepEqual(sent(request), { ...email, delay: 5_000, idempotencyKey: 'k-1' });
});

test('names of the campaign travel in the metadata, instants as RFC 3339', async (t) => {
  const server = await api(t, scheduled());
  const at = new Date('2026-03-01T09:30:00Z');
  await new QueueService({ baseUrl: server.url }).scheduleSms({ ...sms, campaignId: 'spring', metadata: { tag: 'vip' }, expiresAt: at }, at);
  const { idempotencyKey, ...body } = sent(server.asked[0]);
  assert.ok(idempotencyKey);
  assert.deepEqual(body, {
    ...sms, scheduledFor: '2026-03-01T09:30:00.000Z', expiresAt: '2026-03-01T09:30:00.000Z', metadata: { tag: 'vip', campaignId: 'spring' },
  });
});

test('the two functions read their environment at each call', async (t) => {
  const server = await api(t, scheduled());
  t.after(() => { delete process.env.QUEUE_SERVICES_URL; delete process.env.QUEUE_SERVICES_KEY; });
  process.env.QUEUE_SERVICES_URL = server.url;
  process.env.QUEUE_SERVICES_KEY = 'one\n';
  assert.equal((await scheduleEmail(email, 0)).success, true);
  process.env.QUEUE_SERVICES_URL = `http://any:K%2Fey@${server.host}/`;
  delete process.env.QUEUE_SERVICES_KEY;
  assert.equal((await scheduleSms(sms)).jobId, 'job-1');
  const [first, second] = server.asked.map((request) => request.headers.authorization);
  assert.equal(first, 'Bearer one');
  assert.equal(second, `Basic ${btoa('any:K/ey')}`);
  process.env.QUEUE_SERVICES_URL = 'not a url';
  assert.match((await scheduleSms(sms)).error, /QUEUE_SERVICES_URL/);
});

test('a base URL with credentials becomes the Authorization header, before a key of the environment', async (t) => {
  const server = await api(t, scheduled());
  t.after(() => { delete process.env.QUEUE_SERVICES_KEY; });
  process.env.QUEUE_SERVICES_KEY = 'environment';
  await new QueueService({ baseUrl: `http://any:KEY@${server.host}/queue/` }).scheduleEmail(email);
  assert.equal(server.asked[0].headers.authorization, `Basic ${btoa('any:KEY')}`);
  assert.equal(server.asked[0].url, '/queue/api/schedule-email');
});

test('no refusal and no fault rejects a schedule call', async (t) => {
  const faults = [{ field: 'to', message: 'must be an email address' }];
  const server = await api(t, problem(400, 'to: must be an email address', { errors: faults }), problem(401, 'no such key'), problem(409, 'another message'), 'reset', { body: '<html>' }, { body: '"text"' });
  const service = new QueueService({ baseUrl: server.url, retries: { attempts: 1 } });
  const invalid = await service.scheduleEmail(email);
  assert.deepEqual([invalid.success, invalid.error, invalid.faults], [false, 'to: must be an email address', faults]);
  assert.equal((await service.scheduleEmail(email)).error, 'no such key');
  assert.equal((await service.scheduleEmail(email)).error, 'another message');
  for (let left = 3; left > 0; left -= 1) {
    const result = await service.scheduleEmail(email);
    assert.deepEqual([result.success, result.unavailable, typeof result.error], [false, true, 'string']);
    assert.ok(result.idempotencyKey);
  }
});

test('what cannot be written is a result and is not sent', async (t) => {
  const server = await api(t, scheduled());
  const service = new QueueService({ baseUrl: server.url });
  const cycle = {};
  cycle.self = cycle;
  for (const [data, delay] of [[undefined], [null, 5], ['text', 1], [email, NaN], [email, -1], [email, Infinity], [email, '5'], [email, new Date(NaN)],
    [{ ...email, scheduledFor: new Date('x') }], [{ ...email, delay: NaN }], [{ ...email, metadata: cycle }], [{ ...email, metadata: 'x' }], [{ ...email, contactId: 1n }]]) {
    const result = await service.scheduleEmail(data, delay);
    assert.deepEqual([result.success, typeof result.error], [false, 'string']);
  }
  assert.equal(server.asked.length, 0);
});

test('a service that is away is tried again under the same key, then a result', async () => {
  const { pauses, sleep } = unhurried();
  const result = await new QueueService({ baseUrl: await refusing(), sleep }).scheduleEmail(email);
  assert.deepEqual([result.success, result.unavailable, pauses.length], [false, true, 4]);
  assert.match(result.error, /did not answer/);
});

test('a lost answer and a 503 are asked for again with the same key, no earlier than Retry-After', async (t) => {
  const server = await api(t, 'reset', { ...problem(503, 'away'), headers: { 'retry-after': '7' } }, scheduled('job-3'));
  const { pauses, sleep } = unhurried();
  const result = await new QueueService({ baseUrl: server.url, sleep }).scheduleEmail(email);
  assert.equal(result.jobId, 'job-3');
  assert.equal(new Set(server.asked.map((request) => sent(request).idempotencyKey)).size, 1);
  assert.equal(pauses.length, 2);
  assert.ok(pauses[1] >= 7_000 && pauses[1] <= 7_500, String(pauses[1]));
});

test('a hanging service is given up after the timeout', async (t) => {
  const hang = () => new Promise(() => {});
  const server = await api(t, scheduled());
  const never = async (url, init) => { await Promise.race([hang(), new Promise((_, reject) => init.signal.addEventListener('abort', () => reject(init.signal.reason)))]); };
  const result = await new QueueService({ baseUrl: server.url, timeoutMs: 20, retries: { attempts: 1 }, fetch: never }).scheduleSms(sms);
  assert.match(result.error, /TimeoutError/);
});

test('other calls reject with the error of their status', async (t) => {
  const server = await api(t, problem(404, 'no job'), problem(409, 'finished'), problem(403, 'not yours'), problem(400, 'limit: too many'),
    { status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>proxy</h1>' });
  const service = new QueueService({ baseUrl: server.url, retries: { attempts: 1 } });
  await assert.rejects(service.status('x'), NotFound);
  await assert.rejects(service.cancel('x'), Conflict);
  await assert.rejects(service.metrics(), Unauthorized);
  await assert.rejects(service.jobPage({ limit: 1000 }), ValidationFailed);
  await assert.rejects(service.status('x'), Unavailable);
  await assert.rejects(service.status('..'), ValidationFailed);
});

test('what acts once is not sent again when it may have been carried out', async (t) => {
  const server = await api(t, 'reset');
  const { sleep } = unhurried();
  await assert.rejects(new QueueService({ baseUrl: server.url, sleep }).retry('j'), Unavailable);
  assert.equal(server.asked.length, 1);
  await assert.rejects(new QueueService({ baseUrl: server.url, sleep }).changeWorkspace('w', { tier: null }), Unavailable);
  assert.equal(server.asked.length, 6);
});

test('a redirect is not followed, so that a key goes nowhere else', async (t) => {
  const server = await api(t, { status: 307, headers: { location: 'http://127.0.0.1:9/' } });
  const result = await new QueueService({ baseUrl: server.url, retries: { attempts: 1 } }).scheduleSms(sms);
  assert.match(result.error, /answered 307/);
});

test('jobs are asked for page by page, and their filters are written', async (t) => {
  const server = await api(t, { body: { success: true, jobs: [{ jobId: 'a' }], nextCursor: 'c2' } }, { body: { success: true, jobs: [{ jobId: 'b' }], nextCursor: null } });
  const found = [];
  const from = new Date('2026-01-01T00:00:00Z');
  for await (const job of new QueueService({ baseUrl: server.url }).jobs({ workspaceId: 'a&b', status: 'FAILED', from })) found.push(job.jobId);
  assert.deepEqual(found, ['a', 'b']);
  assert.equal(server.asked[0].url, '/api/jobs?workspaceId=a%26b&status=FAILED&from=2026-01-01T00%3A00%3A00.000Z&limit=200');
  assert.match(server.asked[1].url, /cursor=c2/);
});

test('any call of the API is there by its method and path', async (t) => {
  const server = await api(t, { body: { success: true, tiers: [] } });
  const service = new QueueService({ baseUrl: server.url });
  await service.call('PUT /api/tiers/{name}', { path: { name: 'gold/1' }, body: { limits: { sms: 5 } } });
  assert.equal(`${server.asked[0].method} ${server.asked[0].url} ${server.asked[0].body}`, 'PUT /api/tiers/gold%2F1 {"limits":{"sms":5}}');
});

test('a key that no header can hold and a URL that is none are refused at once', () => {
  assert.throws(() => new QueueService({ baseUrl: 'ftp://x' }), ValidationFailed);
  assert.throws(() => new QueueService({ baseUrl: 'http://x', key: 'a\nb' }), ValidationFailed);
});
