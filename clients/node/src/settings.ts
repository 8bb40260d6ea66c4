/**
 * Where the service is and how to speak to it: the only place that reads the environment
 * (`QUEUE_SERVICES_URL`, `QUEUE_SERVICES_KEY`).
 */
import { ValidationFailed } from './errors.js';

const DEFAULT_URL = 'http://127.0.0.1:3000';

/** The service's address without credentials, and the Authorization header that goes with it. */
export interface Connection {
  url: string;
  authorization: string | undefined;
}

/**
 * The connection to `baseUrl` with `key`; each defaults to its variable in `environment`, an empty
 * one counting as absent. A base URL may carry the key as a password (`https://any:KEY@host`),
 * which becomes the header, as `fetch` refuses such URLs; an explicit `key` comes before it.
 * Throws ValidationFailed for a URL that is not http(s) and a key that no header can hold.
 */
export function connection(
  baseUrl?: string,
  key?: string,
  environment: Record<string, string | undefined> = globalThis.process?.env ?? {},
): Connection {
  const url = parsed(baseUrl || environment.QUEUE_SERVICES_URL || DEFAULT_URL);
  const bearer = (key || environment.QUEUE_SERVICES_KEY || '').trim();
  const basic = url.username || url.password ? `Basic ${base64(`${decoded(url.username)}:${decoded(url.password)}`)}` : undefined;
  const urlFirst = !key && baseUrl && basic !== undefined; // given in the call: before the environment's key
  url.username = '';
  url.password = '';
  if (!/^[\x21-\x7e]*$/.test(bearer)) {
    throw ValidationFailed.of({ field: 'QUEUE_SERVICES_KEY', message: 'a key is printable ASCII without spaces; copy it whole' });
  }
  const authorization = bearer && !urlFirst ? `Bearer ${bearer}` : basic;
  return { url: `${url.origin}${url.pathname}`.replace(/\/+$/, ''), authorization };
}

/** The message does not repeat the URL, which may hold a key. */
function parsed(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw ValidationFailed.of({
      field: 'QUEUE_SERVICES_URL',
      message: "give the service's address, as in https://queue.example or http://127.0.0.1:3000",
    });
  }
  return url;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
