// Compiles src twice, as ES modules and as CommonJS, each with its own declarations.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('..', import.meta.url));
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync(`${folder}/dist`, { recursive: true, force: true });
for (const project of ['tsconfig.json', 'tsconfig.cjs.json']) {
  execFileSync(process.execPath, [compiler, '--project', project], { cwd: folder, stdio: 'inherit' });
}
// The package is "type": "module"; this folder's files are not.
writeFileSync(`${folder}/dist/cjs/package.json`, '{"type": "commonjs"}\n');
