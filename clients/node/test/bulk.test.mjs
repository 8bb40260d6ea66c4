import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QueueService } from 'queue-services';
import { api, problem } from './support/api.mjs';

const text = (number) => ({ channel: 'sms', to: '+491701234567', message: `Part ${number}`, contactId: `c-${number}`, workspaceId: 'acme' });

/** Accepts each line but those whose message is "bad". */
function accepting({ body }) {
  const results = body.split('\n').map((line, index) => {
    const { message, contactId } = JSON.parse(line);
    return message === 'bad' ? { index, errors: [{ field: 'message', message: 'bad' }] } : { index, jobId: `job-of-${contactId}` };
  });
  return { body: { success: true, accepted: 0, rejected: 0, results } };
}

test('many messages go out 1,000 a request, with progress and results in order', async (t) => {
  const server = await api(t, accepting);
  function* messages() {
    for (let number = 0; number < 2_500; number += 1) yield text(number);
  }
  const progress = [];
  const many = await new QueueService({ baseUrl: server.url }).scheduleMany(messages(), { onProgress: (now) => progress.push(now.answered) });
  assert.deepEqual([many.accepted, many.rejected, many.results.length], [2_500, 0, 2_500]);
  assert.ok(many.results.every((result, number) => result.jobId === `job-of-c-${number}`));
  assert.deepEqual(progress, [1_000, 2_000, 2_500]);
  assert.deepEqual(server.asked.map((request) => request.headers['content-type']), Array(3).fill('application/x-ndjson'));
});

test('a request holds at most 4 MiB', async (t) => {
  const server = await api(t, accepting);
  const large = Array.from({ length: 10 }, (_, number) => ({ ...text(number), message: 'x'.repeat(1_000_000) }));
  assert.equal((await new QueueService({ baseUrl: server.url }).scheduleMany(large)).accepted, 10);
  assert.ok(server.asked.every((request) => Buffer.byteLength(request.body) <= 4 * 2 ** 20));
});

test('a message that is wrong is a result in its place, whoever finds it', async (t) => {
  const server = await api(t, accepting);
  const messages = [text(0), { ...text(1), message: 'bad' }, { ...text(2), delay: NaN }, { known: { success: false, error: 'left out' } }, text(4)];
  const { results } = await new QueueService({ baseUrl: server.url }).scheduleMany(messages);
  assert.deepEqual(results.map((result) => result.jobId ?? result.error), ['job-of-c-0', 'message: bad', 'delay: give milliseconds >= 0 or a Date', 'left out', 'job-of-c-4']);
  assert.equal(server.asked[0].body.split('\n').length, 3);
});

test('a request whose answer was lost is sent again under the same keys', async (t) => {
  const server = await api(t, 'reset', accepting);
  const many = await new QueueService({ baseUrl: server.url, sleep: async () => {} }).scheduleMany([text(1), text(2)]);
  assert.equal(many.accepted, 2);
  assert.equal(server.asked[0].body, server.asked[1].body);
});

test('nothing more is sent once the key is found bad', async (t) => {
  const server = await api(t, problem(401, 'no such key'));
  const messages = Array.from({ length: 9_000 }, (_, number) => text(number));
  const many = await new QueueService({ baseUrl: server.url }).scheduleMany(messages);
  assert.deepEqual([many.rejected, new Set(many.results.map((result) => result.error)).size], [9_000, 1]);
  assert.ok(server.asked.length <= 5, String(server.asked.length));
  assert.ok(many.results.every((result) => result.idempotencyKey));
});
