/** The fake service behind a real port, and what the integration guide's programs use beside it. */
import { createServer } from 'node:http';

/** Serves `fake` over HTTP; its address. */
export async function served(t, fake) {
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { pathname, searchParams } = new URL(request.url, 'http://x');
    const body = Buffer.concat(chunks).toString() || undefined;
    const reply = await fake.send({ method: request.method, path: pathname, query: Object.fromEntries(searchParams), body, contentType: request.headers['content-type'] ?? '' });
    response.writeHead(reply.status, reply.headers);
    response.end(reply.body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${server.address().port}`;
}

/** What a program uses of axios, its base URL changed to `url` and nothing else. */
export function axiosAt(url) {
  const ask = async (address, init) => {
    const response = await fetch(address.replace('https://queue-services-production.up.railway.app', url), init);
    const data = await response.json();
    if (!response.ok) throw Object.assign(new Error(`Request failed with status code ${response.status}`), { response: { status: response.status, data } });
    return { status: response.status, data };
  };
  const headers = { 'content-type': 'application/json' };
  return { get: (address) => ask(address, {}), post: (address, body) => ask(address, { method: 'POST', headers, body: JSON.stringify(body) }) };
}
