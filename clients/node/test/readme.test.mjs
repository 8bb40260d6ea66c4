/** The README's blocks as one program: what a line says after `// =>` is what it must be. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { FakeQueueService } from 'queue-services/testing';
import { served } from './support/served.mjs';
import { closePostgres, mongoose, postgres, prisma } from './support/stores.mjs';

after(closePostgres);

const AsyncFunction = (async () => {}).constructor;
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const blocks = [...readme.matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code);

/** The imports of a block as statements of a function: a default, a namespace or names. */
function imported(what, from) {
  const whole = `await load('${from}')`;
  if (what.startsWith('* as ')) return [`const ${what.slice(5)} = ${whole};`];
  if (!what.startsWith('{')) return [`const ${what} = (${whole}).default;`];
  return what.slice(1, -1).split(',').map((name) => `const { ${name.trim()} } = ${whole};`);
}

/** Imports come first, each once; a line with a result becomes a check of it. */
function program(codes) {
  const body = codes.join('\n');
  const imports = [...body.matchAll(/^import (.+) from '([^']+)';/gm)].flatMap(([, what, from]) => imported(what, from));
  const statements = body.replace(/^import .*$/gm, '').replace(/^(.+); \/\/ => (.+)$/gm, 'check($1, $2);');
  return `${[...new Set(imports)].join('\n')}\n${statements}`;
}

test('every block of the README runs, and what it says is so', async (t) => {
  const fake = new FakeQueueService();
  process.env.QUEUE_SERVICES_URL = await served(t, fake);
  t.after(() => { delete process.env.QUEUE_SERVICES_URL; });
  const { query } = await postgres();
  const pool = { query: async (text, values = []) => { const { rows, changed } = await query(text, values); return { rows, rowCount: changed }; } };
  let checked = 0;
  const check = (actual, expected) => { checked += 1; assert.deepEqual(actual, expected); };
  const free = { check, load: (name) => import(name), pool, prisma: (await prisma()).models, ...(await mongoose()).models, console: { log() {}, warn() {}, error() {} } };
  await new AsyncFunction(...Object.keys(free), program(blocks))(...Object.values(free));
  assert.ok(blocks.length >= 14 && checked >= 17, `${blocks.length} blocks, ${checked} checks`);
});
