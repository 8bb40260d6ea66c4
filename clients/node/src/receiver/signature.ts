/**
 * Checks that a callback comes from the service: Standard Webhooks 1.0 (standardwebhooks.com),
 * symmetric signatures `v1`, with Web Crypto. Must never log or repeat a secret or a signature.
 */
import type { webcrypto } from 'node:crypto';
import { ValidationFailed } from '../errors.js';
import { Unverified } from './refusals.js';

/** Seconds a signature may be old or ahead of the clock: how long a recorded callback could be played again. */
export const TOLERANCE = 300;
const PREFIX = 'whsec_';
const HMAC = { name: 'HMAC', hash: 'SHA-256' };
const encoder = new TextEncoder();

/** Headers as Node gives them, or a `Headers`'s entries; names in any case. */
export type HeaderMap = Record<string, string | readonly string[] | undefined>;

/** The key in `secret`: base64, with or without the prefix `whsec_`. Throws ValidationFailed, which does not repeat it. */
export function decodeSecret(secret: string): Uint8Array {
  const text = secret.trim().replace(new RegExp(`^${PREFIX}`), '').replace(/=+$/, '');
  const fault = (message: string): ValidationFailed => ValidationFailed.of({ field: 'secret', message });
  if (!text) throw fault("the signing secret is empty; set the one the service signs this workspace's callbacks with");
  const bytes = fromBase64(text);
  if (bytes === undefined) throw fault(`the signing secret is not base64; copy it whole, with its prefix ${PREFIX}`);
  return bytes;
}

/** The value of one `v1` signature: HMAC-SHA256 over `id.timestamp.body`, in base64. */
export async function sign(key: Uint8Array, id: string, timestamp: string, body: Uint8Array): Promise<string> {
  const signature = await crypto.subtle.sign(HMAC, await imported(key), signed(id, timestamp, body) as webcrypto.BufferSource);
  return `v1,${btoa(String.fromCharCode(...new Uint8Array(signature)))}`;
}

/**
 * Resolves if one of `secrets` signed `body`; several are live during a rotation. `now` and
 * `tolerance` are in seconds. Rejects with Unverified, which says what is wrong but nothing that
 * helps to forge.
 */
export async function verify(
  headers: HeaderMap,
  body: Uint8Array,
  secrets: Iterable<string | Uint8Array>,
  { now = Date.now() / 1000, tolerance = TOLERANCE }: { now?: number; tolerance?: number } = {},
): Promise<void> {
  const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map((part) => header(headers, `webhook-${part}`)) as [string, string, string];
  if (!id || !timestamp || !signatures) {
    throw new Unverified('the headers webhook-id, webhook-timestamp and webhook-signature are needed');
  }
  if (!/^\d{1,12}$/.test(timestamp)) throw new Unverified('webhook-timestamp is not a whole number of seconds');
  if (!(Math.abs(now - Number(timestamp)) <= tolerance)) {
    throw new Unverified(`webhook-timestamp is more than ${tolerance} s from this machine's clock`);
  }
  const given = signatures.split(' ').flatMap((signature) => (signature.startsWith('v1,') ? [fromBase64(signature.slice(3))] : []));
  const content = signed(id, timestamp, body) as webcrypto.BufferSource;
  // Every pair is compared, so that the time taken does not tell which secret matched.
  let matched = false;
  for (const secret of secrets) {
    const key = await imported(typeof secret === 'string' ? decodeSecret(secret) : secret);
    for (const signature of given) {
      const matches = signature !== undefined && (await crypto.subtle.verify(HMAC, key, signature as webcrypto.BufferSource, content));
      matched = matches || matched;
    }
  }
  if (!matched) throw new Unverified("webhook-signature does not match; is it this workspace's secret?");
}

/** The value of a header, whatever the case of its name; "" where it is absent. */
export function header(headers: HeaderMap, name: string): string {
  const found = headers[name] ?? Object.entries(headers).find(([other]) => other.toLowerCase() === name)?.[1];
  return typeof found === 'string' ? found : (found?.join(', ') ?? '');
}

function signed(id: string, timestamp: string, body: Uint8Array): Uint8Array {
  const start = encoder.encode(`${id}.${timestamp}.`);
  const whole = new Uint8Array(start.length + body.length);
  whole.set(start);
  whole.set(body, start.length);
  return whole;
}

function imported(key: Uint8Array): Promise<webcrypto.CryptoKey> {
  return crypto.subtle.importKey('raw', key as webcrypto.BufferSource, HMAC, false, ['sign', 'verify']);
}

function fromBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]*=*$/.test(text)) return undefined;
  try {
    return Uint8Array.from(atob(text.replace(/=+$/, '')), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
