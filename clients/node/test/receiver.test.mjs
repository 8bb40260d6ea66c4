import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { ValidationFailed } from 'queue-services';
import { FieldMap, MemoryDeduplicator, parse, parseEmail, parseEvent, parseSms, Receiver, Reject, RetryLater, SlowDown, verify } from 'queue-services/receiver';

const SECRET = `whsec_${btoa('a secret of twenty-four!')}`;
const NOW = 1_767_603_600;
const bytes = (value) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const sms = (more = {}) => ({ to: '+1555', message: 'Hi', contactId: 'c-1', workspaceId: 'acme', jobId: 'j-1', tag: 'vip', ...more });

/** Headers that sign `body`, by Node's own HMAC. */
function signed(body, { id = 'j-1', at = NOW, secret = 'a secret of twenty-four!' } = {}) {
  const signature = createHmac('sha256', secret).update(`${id}.${at}.`).update(body).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': `v1,${signature}` };
}

const quiet = { onError: () => {}, clock: () => NOW };
const post = (receiver, value, handler = () => {}, headers = {}, reader = parseSms) => receiver.receive({ headers, body: bytes(value) }, reader, handler);
const said = ({ status, body }) => [status, JSON.parse(body)];

test('a message is handed on typed, its metadata apart, its attempt from the header', async () => {
  const got = [];
  const answer = await post(new Receiver(null), sms({ mediaUrl: 'https://x/y.png' }), (message) => got.push(message), { 'x-attempt': '3' });
  assert.deepEqual(said(answer), [200, { success: true }]);
  assert.deepEqual(got, [{ to: '+1555', message: 'Hi', contactId: 'c-1', workspaceId: 'acme', jobId: 'j-1', attempt: 3, mediaUrl: 'https://x/y.png', metadata: { tag: 'vip' } }]);
});

test('an email is read without the copy of its content', () => {
  const email = parseEmail(JSON.stringify({ to: 'a@b', subject: 'S', html: '<p>', content: '<p>', contactId: 'c', workspaceId: 'w', jobId: 'j', source: 'x' }), 2);
  assert.deepEqual(email, { to: 'a@b', subject: 'S', html: '<p>', contactId: 'c', workspaceId: 'w', jobId: 'j', attempt: 2, metadata: { source: 'x' } });
});

test('a body that cannot be read ends the message and names the member', async () => {
  const receiver = new Receiver(null, quiet);
  assert.deepEqual(said(await post(receiver, 'no json')), [422, { success: false, error: 'the body is not JSON' }]);
  assert.match((await post(receiver, sms({ jobId: 7 }))).body, /jobId: expected text/);
  assert.equal((await post(receiver, 'null')).status, 422);
  assert.equal((await receiver.receive({ headers: {}, body: Uint8Array.of(0xff, 0xfe) }, parseSms, () => {})).status, 422);
  assert.equal((await post(new Receiver(null, { maxBytes: 10 }), sms())).status, 413);
});

test('only what the service signed is handled, with any of several secrets, within five minutes', async () => {
  const receiver = new Receiver([`whsec_${btoa('another secret, older one')}`, SECRET], quiet);
  const body = JSON.stringify(sms());
  const status = async (headers) => (await receiver.receive({ headers, body: bytes(body) }, parseSms, () => {})).status;
  assert.equal(await status(signed(body)), 200);
  for (const headers of [{}, signed('other'), signed(body, { secret: 'x' }), signed(body, { at: NOW - 301 }), signed(body, { at: NOW + 301 }), { ...signed(body), 'webhook-id': 'j-2' },
    { ...signed(body), 'webhook-timestamp': 'soon' }, { ...signed(body), 'webhook-signature': 'v1,***' }, { ...signed(body), 'webhook-signature': signed(body)['webhook-signature'].slice(3) }]) {
    assert.equal(await status(headers), 401, JSON.stringify(headers));
  }
  const both = { ...signed(body), 'webhook-signature': `v1,AAAA v1a,zzz ${signed(body)['webhook-signature']}` };
  assert.equal(await status(both), 200);
  await verify(signed(body), bytes(body), [SECRET], { now: NOW });
});

test('a missing secret is no open endpoint', () => {
  for (const secrets of [undefined, '', 'whsec_', [], 'whsec_!!!', ['']]) assert.throws(() => new Receiver(secrets), ValidationFailed, String(secrets));
  assert.throws(() => new Receiver(null, { authorization: '' }), ValidationFailed);
});

test('the agreed authorization and the known workspaces are checked', async () => {
  const receiver = new Receiver(null, { ...quiet, authorization: 'Bearer abc', workspaces: ['acme'] });
  assert.equal((await post(receiver, sms())).status, 401);
  assert.equal((await post(receiver, sms(), () => {}, { Authorization: 'Bearer abc' })).status, 200);
  assert.equal((await post(receiver, sms({ workspaceId: 'evil' }), () => {}, { authorization: 'Bearer abc' })).status, 403);
});

test('a message is handled once: a repeat is success, one at work comes again', async () => {
  let release;
  let handled = 0;
  const receiver = new Receiver(null, quiet);
  const first = post(receiver, sms(), () => new Promise((resolve) => { handled += 1; release = resolve; }));
  while (release === undefined) await new Promise(setImmediate);
  const meanwhile = await post(receiver, sms(), () => { handled += 1; });
  assert.deepEqual([meanwhile.status, meanwhile.headers['retry-after']], [503, '1']);
  release();
  assert.equal((await first).status, 200);
  assert.deepEqual(said(await post(receiver, sms(), () => { handled += 1; })), [200, { success: true, duplicate: true }]);
  assert.equal(handled, 1);
});

test('what a handler throws is the answer the service understands, and the message may come again', async () => {
  const errors = [];
  const receiver = new Receiver(null, { ...quiet, onError: (error) => errors.push(error.message) });
  const answering = async (error) => {
    const { status, headers, body } = await post(receiver, sms(), () => { throw error; });
    return [status, headers['retry-after'], JSON.parse(body).error];
  };
  assert.deepEqual(await answering(new RetryLater('provider is away')), [503, undefined, 'provider is away']);
  assert.deepEqual(await answering(new SlowDown(29.2)), [429, '30', 'too many messages']);
  assert.deepEqual(await answering(new SlowDown(90_000)), [429, '3600', 'too many messages']);
  assert.deepEqual(await answering(new Reject('no such number')), [422, undefined, 'no such number']);
  assert.deepEqual(await answering(new TypeError('private text')), [500, undefined, 'unexpected TypeError']);
  assert.deepEqual(errors, ['private text']);
  assert.equal((await post(receiver, sms())).status, 200);
  assert.throws(() => new Reject('x', 429), TypeError);
});

test('a handler that was handled but not remembered is answered with success', async () => {
  const broken = { claim: () => 'new', accept: () => { throw new Error('disk'); }, release: () => {} };
  assert.equal((await post(new Receiver(null, { ...quiet, deduplicator: broken }), sms())).status, 200);
});

test('a check that breaks before the handler is called uses up no try', async () => {
  const away = () => { throw new Error('the database is away'); };
  let handled = 0;
  for (const options of [{ deduplicator: { claim: away, accept: away, release: away, state: away } }, { workspaces: away }]) {
    const receiver = new Receiver(null, { ...quiet, ...options });
    const { status, headers, body } = await post(receiver, sms(), () => { handled += 1; });
    assert.deepEqual([status, headers['retry-after'], JSON.parse(body).error], [503, '5', 'this message cannot be checked now']);
    assert.equal((await receiver.ask({ 'x-workspace-id': 'acme' }, 'j')).status, 503);
    assert.equal(JSON.parse((await post(receiver, [sms()])).body).results[0].retryAfter, 5);
  }
  assert.equal(handled, 0);
});

test('a batch is answered by message: success, failed, later, for ever', async () => {
  const batch = { batchId: 'b-1', workspaceId: 'acme', channel: 'sms', messages: ['ok', 'later', 'slow', 'never', 'bug'].map((message, index) => sms({ message, jobId: `j-${index}`, attempt: index + 1 })) };
  batch.messages.push({ ...sms({ jobId: 'j-5' }), to: 5 }, null);
  const attempts = [];
  const handler = (message) => {
    attempts.push([message.jobId, message.attempt, message.metadata]);
    const error = { later: new RetryLater(), slow: new SlowDown(7), never: new Reject('bad number'), bug: new Error('x') }[message.message];
    if (error) throw error;
  };
  const receiver = new Receiver(SECRET, quiet);
  const body = JSON.stringify(batch);
  const { status, body: answered } = await receiver.receive({ headers: signed(body, { id: 'b-1' }), body: bytes(body) }, parseSms, handler);
  assert.equal(status, 200);
  const { success, results } = JSON.parse(answered);
  assert.equal(success, false);
  assert.deepEqual(results.map(({ jobId, success: sent, retryAfter, permanent }) => [jobId, sent, retryAfter, permanent]), [
    ['j-0', true, undefined, undefined], ['j-1', false, undefined, undefined], ['j-2', false, 7, undefined], ['j-3', false, undefined, true],
    ['j-4', false, undefined, undefined], ['j-5', false, undefined, true], [undefined, false, undefined, true],
  ]);
  assert.deepEqual(attempts[2], ['j-2', 3, { tag: 'vip' }]);
  const again = JSON.parse((await receiver.receive({ headers: signed(body, { id: 'b-1' }), body: bytes(body) }, parseSms, handler)).body).results;
  assert.deepEqual([again[0].success, again[0].duplicate], [true, true]);
});

test('a bare list is a batch, and a message whose metadata looks like one is not', async () => {
  const receiver = new Receiver(null, quiet);
  assert.equal(JSON.parse((await post(receiver, [sms({ jobId: 'a' }), sms({ jobId: 'b' })])).body).results.length, 2);
  const got = [];
  await post(receiver, sms({ jobId: 'c', batchId: 'x', messages: [1], attempt: 9 }), (message) => got.push(message.metadata));
  assert.deepEqual(got, [{ tag: 'vip', batchId: 'x', messages: [1], attempt: 9 }]);
});

test('a batch of an unknown workspace, or of too many, is refused whole', async () => {
  const receiver = new Receiver(null, { ...quiet, workspaces: async (id) => id === 'acme' });
  assert.equal((await post(receiver, { batchId: 'b', workspaceId: 'evil', messages: [sms()] })).status, 403);
  assert.equal((await post(receiver, { batchId: 'b', workspaceId: 'acme', messages: Array(1_001).fill(sms()) })).status, 413);
});

test('an event is handled once by its own id', async () => {
  const receiver = new Receiver(null, quiet);
  const got = [];
  const event = { eventId: 'e-1', type: 'message.failed', timestamp: '2026-01-01T00:00:00.000Z', jobId: 'j-1', status: 'failed', new: 1 };
  for (let times = 0; times < 2; times += 1) await post(receiver, event, (one) => got.push(one.type), {}, parseEvent);
  assert.deepEqual(got, ['message.failed']);
});

test('an ask is answered true only for what was accepted', async () => {
  const deduplicator = new MemoryDeduplicator();
  const receiver = new Receiver(SECRET, { ...quiet, deduplicator, workspaces: ['acme'] });
  const ask = async (jobId, more = {}) => said(await receiver.ask({ ...signed('', { id: jobId }), 'x-workspace-id': 'acme', ...more }, jobId));
  assert.deepEqual(await ask('j-1'), [404, { delivered: false }]);
  deduplicator.claim('j-1', NOW - 1);
  assert.deepEqual(await ask('j-1'), [202, {}]);
  deduplicator.accept('j-1', NOW);
  assert.deepEqual(await ask('j-1'), [200, { delivered: true }]);
  deduplicator.claim('j-2', NOW - 60);
  assert.deepEqual(await ask('j-2'), [404, { delivered: false }]);
  assert.equal((await ask('j-1', { 'webhook-signature': 'v1,AAAA' }))[0], 401);
  assert.equal((await ask('j-1', { 'x-workspace-id': 'evil' }))[0], 403);
  const blind = { claim: () => 'new', accept: () => {}, release: () => {} };
  assert.deepEqual(said(await new Receiver(null, { ...quiet, deduplicator: blind }).ask({}, 'j')), [404, { delivered: false }]);
});

test('memory forgets the oldest, and takes an old claim for dead', () => {
  const memory = new MemoryDeduplicator({ capacity: 2, lease: 60 });
  assert.deepEqual([memory.claim('a', 0), memory.claim('a', 59), memory.claim('a', 60)], ['new', 'inProgress', 'new']);
  memory.release('a', 0);
  assert.equal(memory.state('a', 61), 'inProgress');
  memory.accept('a', 61);
  memory.release('a', 61);
  assert.equal(memory.claim('a', 500), 'accepted');
  memory.accept('b', 62);
  memory.accept('c', 63);
  assert.deepEqual(['a', 'b', 'c'].map((key) => memory.state(key, 64)), ['unknown', 'accepted', 'accepted']);
});

test('an endpoint of both channels tells them apart, and may have names of its own', async () => {
  const receiver = new Receiver(null, quiet);
  const got = [];
  const names = new FieldMap({ 'contact.phone': 'to', 'contact.id': 'contactId', text: 'message', tag: 'metadata.tag', none: 'metadata.a.b', subject: 'subject' });
  await post(receiver, sms(), names.before((fields) => got.push(fields)), {}, parse);
  await post(receiver, { to: 'a@b', subject: 'S', html: '<p>', content: '<p>', contactId: 'c', workspaceId: 'w', jobId: 'j-2', message: 'metadata' }, names.before((fields) => got.push(fields)), {}, parse);
  assert.deepEqual(got, [{ contact: { phone: '+1555', id: 'c-1' }, text: 'Hi', tag: 'vip' }, { contact: { phone: 'a@b', id: 'c' }, subject: 'S' }]);
  assert.throws(() => new FieldMap({ a: 'nothing' }), TypeError);
});
