/** Every framework, over a real connection: signed singles, batches, repeats, asks, too large bodies. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { decodeSecret, parseSms, Receiver, sign } from 'queue-services/receiver';
import * as forExpress from 'queue-services/receiver/express';
import * as forFastify from 'queue-services/receiver/fastify';
import * as forFetch from 'queue-services/receiver/fetch';
import * as forHono from 'queue-services/receiver/hono';

const SECRET = `whsec_${btoa('a secret of twenty-four!')}`;
const sms = (more = {}) => ({ to: '+1555', message: 'Grüße 😀', contactId: 'c-1', workspaceId: 'acme', jobId: 'j-1', ...more });

async function listening(t, server, port = 0) {
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${server.address().port}`;
}

/** A Node server in front of `Request -> Response`. */
function bridged(answer) {
  return createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length ? Buffer.concat(chunks) : undefined;
    const answered = await answer(new Request(`http://${request.headers.host}${request.url}`, { method: request.method, headers: request.headers, body }));
    response.writeHead(answered.status, Object.fromEntries(answered.headers));
    response.end(await answered.text());
  });
}

const frameworks = {
  express: async (t, receiver, handler) => {
    const app = express();
    app.post('/send-sms', forExpress.endpoint(receiver, parseSms, handler));
    app.get('/sms-sent/:jobId', forExpress.askEndpoint(receiver));
    return listening(t, createServer(app));
  },
  'express with rawBody kept by express.json': async (t, receiver, handler) => {
    const app = express();
    app.use(express.json({ limit: '20mb', verify: (request, _, buffer) => { request.rawBody = buffer; } }));
    app.post('/send-sms', forExpress.endpoint(receiver, parseSms, handler));
    app.get('/sms-sent/:jobId', forExpress.askEndpoint(receiver));
    return listening(t, createServer(app));
  },
  'node:http': async (t, receiver, handler) => {
    const [post, ask] = [forExpress.endpoint(receiver, parseSms, handler), forExpress.askEndpoint(receiver)];
    return listening(t, createServer((request, response) => (request.method === 'POST' ? post : ask)(request, response)));
  },
  fastify: async (t, receiver, handler) => {
    const app = fastify();
    app.register(forFastify.endpoint(receiver, '/send-sms', parseSms, handler));
    app.register(forFastify.askEndpoint(receiver, '/sms-sent'));
    app.post('/other', async (request) => ({ parsed: request.body }));
    t.after(() => app.close());
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const other = await fetch(`${url}/other`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' });
    assert.deepEqual(await other.json(), { parsed: { a: 1 } });
    return url;
  },
  hono: async (t, receiver, handler) => {
    const app = new Hono();
    app.post('/send-sms', forHono.endpoint(receiver, parseSms, handler));
    app.get('/sms-sent/:jobId', forHono.askEndpoint(receiver));
    return listening(t, bridged((request) => app.fetch(request)));
  },
  'Request -> Response': async (t, receiver, handler) => {
    const [post, ask] = [forFetch.endpoint(receiver, parseSms, handler), forFetch.askEndpoint(receiver)];
    return listening(t, bridged((request) => (request.method === 'POST' ? post : ask)(request)));
  },
};

async function headersFor(id, body) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = await sign(decodeSecret(SECRET), id, timestamp, new TextEncoder().encode(body));
  return { 'content-type': 'application/json', 'x-workspace-id': 'acme', 'x-attempt': '2', 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
}

for (const [name, start] of Object.entries(frameworks)) {
  test(`${name}: signed messages are handled once, singly and in batches, and asked for`, async (t) => {
    const got = [];
    const receiver = new Receiver(SECRET, { maxBytes: 10_000, onError: () => {} });
    const url = await start(t, receiver, async (message) => got.push([message.jobId, message.message, message.attempt]));
    const post = async (value, id, headers) => {
      const body = JSON.stringify(value);
      const answer = await fetch(`${url}/send-sms`, { method: 'POST', headers: headers ?? (await headersFor(id, body)), body });
      return [answer.status, await answer.json()];
    };
    const ask = async (id) => {
      const answer = await fetch(`${url}/sms-sent/${encodeURIComponent(id)}`, { headers: await headersFor(id, '') });
      return [answer.status, await answer.json()];
    };
    assert.deepEqual(await ask('j-1'), [404, { delivered: false }]);
    assert.deepEqual(await post(sms(), 'j-1'), [200, { success: true }]);
    assert.deepEqual(await post(sms(), 'j-1'), [200, { success: true, duplicate: true }]);
    assert.deepEqual(await ask('j-1'), [200, { delivered: true }]);
    assert.equal((await post(sms(), 'j-1', { 'content-type': 'application/json' }))[0], 401);
    const batch = { batchId: 'b-1', workspaceId: 'acme', channel: 'sms', messages: [sms(), sms({ jobId: 'j/2', attempt: 4 })] };
    const [status, { results }] = await post(batch, 'b-1');
    assert.deepEqual([status, results.map((result) => result.success)], [200, [true, true]]);
    assert.deepEqual(await ask('j/2'), [200, { delivered: true }]);
    assert.equal((await post(sms({ message: 'x'.repeat(20_000) }), 'j-3'))[0], 413);
    assert.deepEqual(got, [['j-1', 'Grüße 😀', 2], ['j/2', 'Grüße 😀', 4]]);
  });
}

test('express: a body that was parsed before its signature could be checked says what to do', async (t) => {
  const app = express();
  app.use(express.json());
  app.post('/signed', forExpress.endpoint(new Receiver(SECRET), parseSms, () => {}));
  app.post('/open', forExpress.endpoint(new Receiver(null), parseSms, () => {}));
  const url = await listening(t, createServer(app));
  const post = (path) => fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(sms()) });
  assert.match((await (await post('/signed')).json()).error, /before express\.json/);
  assert.equal((await post('/open')).status, 200);
});
