import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

test('the types fit those of Express, Fastify and Hono, strictly', async () => {
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const file = fileURLToPath(new URL('types/frameworks.ts', import.meta.url));
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--types', 'node', file];
  await promisify(execFile)(process.execPath, [compiler, ...options]).catch((error) => assert.fail(error.stdout));
});
