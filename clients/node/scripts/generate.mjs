// Writes src/schema.ts, the types of the API, from openapi.json.
//
//   node scripts/generate.mjs                  write it
//   node scripts/generate.mjs --check          exit 1 where src/schema.ts is not what openapi.json says
//   node scripts/generate.mjs --check FILE     and where FILE, the service's own document, is another one
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { typescript } from './openapi-types.mjs';

const snapshot = new URL('../openapi.json', import.meta.url);
const target = new URL('../src/schema.ts', import.meta.url);
const [check, served] = process.argv[2] === '--check' ? [true, process.argv[3]] : [false, undefined];

const parsed = (file) => JSON.parse(readFileSync(file, 'utf8'));
const document = parsed(snapshot);
const wanted = typescript(document);

if (!check) {
  writeFileSync(target, wanted);
} else {
  const faults = [];
  if (!existsSync(target) || readFileSync(target, 'utf8') !== wanted) {
    faults.push('src/schema.ts is not what openapi.json says: run `npm run generate`.');
  }
  if (served !== undefined && !isDeepStrictEqual(parsed(served), document)) {
    faults.push("openapi.json is not the service's: run `make node-generated` in the project's root.");
  }
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length ? 1 : 0;
}
