/** An HTTP server that answers as a test says and notes what it was asked. */
import { createServer } from 'node:http';

/**
 * Starts it; `answers` are used in turn, the last one again and again: a status, or
 * `{ status, headers, body }`, or a function of the request, or 'reset' to drop the connection.
 */
export async function api(t, ...answers) {
  const asked = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const seen = { method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() };
    asked.push(seen);
    let answer = answers.length > 1 ? answers.shift() : answers[0];
    if (typeof answer === 'function') answer = answer(seen);
    if (answer === 'reset') return request.socket.destroy();
    const { status = 200, headers = {}, body = {} } = typeof answer === 'number' ? { status: answer } : answer;
    response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json', ...headers });
    return response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, host: `127.0.0.1:${server.address().port}`, asked };
}

/** What the service answers to a schedule call. */
export const scheduled = (jobId = 'job-1') => ({
  body: { success: true, jobId, message: 'Email scheduled successfully', status: 'SCHEDULED', scheduledFor: '2026-01-05T09:00:00.000Z' },
});

/** What the service answers where it refuses. */
export const problem = (status, detail, more = {}) => ({
  status,
  body: { type: 'about:blank', title: 'Refused', status, detail, success: false, message: detail, ...more },
});

/** A port of this machine that refuses connections. */
export async function refusing() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** Settings for a client that waits no real time; `pauses` are the waits it would have made. */
export function unhurried() {
  const pauses = [];
  return { pauses, sleep: async (milliseconds) => void pauses.push(milliseconds) };
}
