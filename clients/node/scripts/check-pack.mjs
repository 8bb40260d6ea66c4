// Packs the package, installs it into empty projects and uses it there as its users do: by require,
// by import, and from TypeScript with each module resolution.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('..', import.meta.url));
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const work = mkdtempSync(join(tmpdir(), 'queue-services-pack-'));
const run = (program, args, cwd) => execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

const NAMES = {
  '': ['QueueService', 'scheduleEmail', 'scheduleSms', 'CampaignBuilder', 'NotificationManager', 'delayFor', 'reconcile', 'Monitor', 'Rollout'],
  '/testing': ['FakeQueueService', 'QueueClock'],
  '/tracking': ['Tracker', 'prismaStore', 'mongooseStore', 'sqlStore'],
  '/receiver': ['Receiver', 'parseSms', 'parseEmail', 'parseEvent', 'MemoryDeduplicator', 'verify'],
  '/receiver/express': ['endpoint', 'askEndpoint'],
  '/receiver/fastify': ['endpoint', 'askEndpoint'],
  '/receiver/hono': ['endpoint', 'askEndpoint'],
  '/receiver/fetch': ['endpoint', 'askEndpoint'],
};

const CONSUMER = `
import { CampaignBuilder, QueueService, scheduleEmail, type ScheduleResult } from 'queue-services';
import { Receiver, parseSms } from 'queue-services/receiver';
import { endpoint } from 'queue-services/receiver/fetch';
import { FakeQueueService } from 'queue-services/testing';
import { Tracker, sqlStore } from 'queue-services/tracking';

const receiver = new Receiver(null);
const answer: (request: Request) => Promise<Response> = endpoint(receiver, parseSms, (message) => void message.to.length);
const service: QueueService = new FakeQueueService({ '/send-sms': answer });
const tracker = new Tracker(sqlStore(async () => ({ rows: [], changed: 0 })));
export const campaign = new CampaignBuilder('spring', [], { workspaceId: 'acme', service, tracker });
export async function first(): Promise<ScheduleResult> {
  const job = await service.status('id');
  const status: 'SCHEDULED' | 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' = job.status;
  // @ts-expect-error an email has a subject
  await scheduleEmail({ to: status, html: '', contactId: 'c', workspaceId: 'w' }, 5);
  return service.scheduleSms({ phoneNumber: '+1555', message: 'Hi', contactId: 'c', workspaceId: 'w' }, 5);
}
`;

try {
  const [{ filename, files }] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', work], folder).replace(/^[^[]*/, ''));
  const strays = files.map(({ path }) => path).filter((path) => !/^(dist\/|README\.md$|LICENSE$|package\.json$)/.test(path));
  if (strays.length) throw new Error(`packed without need: ${strays}`);
  if (manifest.dependencies) throw new Error('the package has run-time dependencies');
  for (const [kind, type, program] of [['esm', 'module', imports()], ['cjs', 'commonjs', requires()]]) {
    const project = join(work, kind);
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type }));
    run('npm', ['install', '--silent', '--no-audit', '--no-fund', join(work, filename)], project);
    writeFileSync(join(project, 'program.js'), program);
    process.stdout.write(run(process.execPath, ['program.js'], project));
    writeFileSync(join(project, 'consumer.ts'), CONSUMER);
    for (const options of [['nodenext', 'nodenext'], ...(kind === 'esm' ? [['esnext', 'bundler']] : [['commonjs', 'node10']])]) {
      const [module, resolution] = options;
      if (resolution === 'node10') continue; // reads no exports map, so subpaths are not found
      const args = [compiler, '--noEmit', '--strict', '--target', 'es2022', '--module', module, '--moduleResolution', resolution, 'consumer.ts'];
      run(process.execPath, args, project);
      console.log(`${kind}: TypeScript, ${resolution}`);
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

function imports() {
  const lines = Object.entries(NAMES).map(([path, names]) => `check(await import('queue-services${path}'), ${JSON.stringify(names)});`);
  return `${checker()}\n${lines.join('\n')}\nconsole.log('esm: import');\n`;
}

function requires() {
  const lines = Object.entries(NAMES).map(([path, names]) => `check(require('queue-services${path}'), ${JSON.stringify(names)});`);
  return `${checker()}\n${lines.join('\n')}\nconsole.log('cjs: require');\n`;
}

function checker() {
  return `function check(module, names) {
  const missing = names.filter((name) => typeof module[name] !== 'function');
  if (missing.length) throw new Error('not exported: ' + missing);
}`;
}
