/** Sends one request once, with `fetch`. */
import type { Lost, Outgoing, Reply } from './call.js';
import type { Connection } from './settings.js';

/** What `fetch` is to this package: the global one, or a test's. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Failures before the request went out: the service certainly got nothing. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

/** One request to `to`, given up after `timeoutMs`. Never throws: what fails is a `Lost`. */
export async function transmit(request: Outgoing, to: Connection, timeoutMs: number, fetch: Fetch): Promise<Reply | Lost> {
  const query = new URLSearchParams(request.query).toString();
  const headers: Record<string, string> = { accept: 'application/json, application/problem+json' };
  if (request.body !== undefined) headers['content-type'] = request.contentType;
  if (to.authorization !== undefined) headers.authorization = to.authorization;
  try {
    const response = await fetch(`${to.url}${request.path}${query && `?${query}`}`, {
      method: request.method,
      headers,
      body: request.body ?? null,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = await response.text();
    return { status: response.status, body, headers: Object.fromEntries(response.headers) };
  } catch (error) {
    return lost(error);
  }
}

/** `fetch` says "fetch failed" of everything; why is in its cause. */
function lost(error: unknown): Lost {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string; errors?: { code?: string }[] } };
  const code = cause?.code ?? cause?.errors?.[0]?.code;
  const reason = cause?.message || code || message;
  return { lost: `${name}: ${reason}`, sent: !NEVER_SENT.has(code ?? '') };
}
