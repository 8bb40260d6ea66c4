// What an application does with BullMQ, for tests: node queue.mjs COMMAND PORT QUEUE
// [LIMITER], with the command's JSON on standard input. `work` runs until standard input ends.
import { FlowProducer, Queue, RateLimitError, Worker } from 'bullmq';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

const [command, port, name, limiter] = process.argv.slice(2);
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

async function add(queue) {
  await queue.addBulk(JSON.parse(await text(process.stdin)));
}

async function addSpecial(queue) {
  const data = JSON.parse(await text(process.stdin));
  await queue.upsertJobScheduler('daily', { every: 86_400_000 }, { name: 'tick', data });
  const flows = new FlowProducer({ connection });
  await flows.add({
    name: 'parent', queueName: name, data, opts: { jobId: 'parent' },
    children: [{ name: 'child', queueName: name, data, opts: { jobId: 'child' } }],
  });
  await flows.close();
}

// Says which job is active and which is done. A job called `hold` stays active, one called
// `limited` sets a rate limit.
async function work() {
  const worker = new Worker(name, async (job) => {
    say({ active: job.id });
    if (job.name === 'hold') await new Promise(() => {});
    if (job.name === 'limited') {
      await worker.rateLimit(60_000);
      throw new RateLimitError();
    }
    say({ done: job.id });
  }, { connection, concurrency: 5, ...(limiter !== '{}' && { limiter: JSON.parse(limiter) }) });
  worker.on('error', (error) => process.stderr.write(`${error}\n`));
  process.stdin.resume();
  await once(process.stdin, 'end');
  await worker.close();
}

if (command === 'work') {
  await work();
} else {
  const queue = new Queue(name, { connection });
  await queue.waitUntilReady();
  if (command === 'add') await add(queue);
  if (command === 'special') await addSpecial(queue);
  if (command === 'pause') await queue.pause();
  if (command === 'promote') await queue.promoteJobs();
  if (command === 'counts') say(await queue.getJobCounts());
  await queue.close();
}
