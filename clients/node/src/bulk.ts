/**
 * Schedules any number of messages in requests of bounded size.
 *
 * Messages are written as NDJSON, 1,000 or 4 MiB a request at most, each under an idempotency key,
 * so that a request whose answer was lost is sent again without doubling. Results come in the order
 * of the messages. Once the service is found away, or the key bad, nothing more is sent: the rest
 * get the same error, and the same messages scheduled again add what is missing.
 */
import type { Answer } from './api.js';
import { exchange, NDJSON_TYPE, type Call, type Caller } from './call.js';
import { Unavailable } from './errors.js';
import { messageBody, type Message } from './messages.js';
import { counted, failed, stops, type BulkProgress, type ScheduleResult } from './results.js';

type BatchAnswer = Answer<'POST /api/schedule-batch'>;
type BatchResult = BatchAnswer['results'][number];

const MESSAGES_A_REQUEST = 1_000;
const BYTES_A_REQUEST = 4 * 2 ** 20;
const REQUESTS_IN_FLIGHT = 4;

/** The result of a message that needs no sending, passed on in its place. */
export interface Known {
  known: ScheduleResult;
}

/** A message to schedule, or the result of one that needs no sending. */
export type Entry = Message | Known;
/** Any number of them. */
export type Entries = Iterable<Entry> | AsyncIterable<Entry>;
/** Called with the counts so far after every request. */
export type OnProgress = (progress: BulkProgress) => void;

/** Schedules `entries`, four requests at a time, and yields their results in order. */
export async function* scheduleEntries(caller: Caller, entries: Entries, onProgress?: OnProgress): AsyncGenerator<ScheduleResult> {
  const progress: BulkProgress = { accepted: 0, replayed: 0, rejected: 0, answered: 0 };
  const waiting: Promise<Answered>[] = [];
  let stop: unknown;
  const next = async (): Promise<ScheduleResult[]> => {
    const answered = await (waiting.shift() as Promise<Answered>);
    stop ??= answered.stop;
    const counts = counted(answered.results);
    progress.accepted += counts.accepted;
    progress.replayed += counts.replayed;
    progress.rejected += counts.rejected;
    progress.answered += answered.results.length;
    onProgress?.({ ...progress });
    return answered.results;
  };
  for await (const chunk of chunks(entries)) {
    if (waiting.length === REQUESTS_IN_FLIGHT) yield* await next();
    waiting.push(chunk.send(caller, stop));
  }
  while (waiting.length) yield* await next();
}

/** What became of a chunk; `stop` is the error after which sending more is no use. */
interface Answered {
  results: ScheduleResult[];
  stop?: unknown;
}

/** Some messages in order: the lines to send with their keys, and which results are known already. */
class Chunk {
  private readonly lines: string[] = [];
  private readonly keys: string[] = [];
  private readonly known = new Map<number, ScheduleResult>();
  private bytes = 0;

  get length(): number {
    return this.lines.length + this.known.size;
  }

  fits(line: Line): boolean {
    return this.length < MESSAGES_A_REQUEST && this.bytes + line.bytes < BYTES_A_REQUEST;
  }

  add(line: Line): void {
    if (line.known !== undefined) {
      this.known.set(this.length, line.known);
      return;
    }
    this.lines.push(line.text);
    this.keys.push(line.key);
    this.bytes += line.bytes + 1;
  }

  /** Sends it, unless there is nothing to send or `stop` says that it is no use. Never rejects. */
  async send(caller: Caller, stop: unknown): Promise<Answered> {
    if (stop !== undefined) return { results: this.inPlace(this.keys.map((key) => failed(stop, key))) };
    if (!this.lines.length) return { results: this.inPlace([]) };
    try {
      const answer = await exchange(this.call(), caller);
      const byIndex = new Map(answer.results.map((result) => [result.index, result]));
      return { results: this.inPlace(this.keys.map((key, index) => resultOf(byIndex.get(index), key))) };
    } catch (error) {
      const results = this.inPlace(this.keys.map((key) => failed(error, key)));
      return stops(error) ? { results, stop: error } : { results };
    }
  }

  private call(): Call<BatchAnswer> {
    return {
      method: 'POST',
      path: '/api/schedule-batch',
      query: {},
      body: this.lines.join('\n'),
      contentType: NDJSON_TYPE,
      repeatable: true,
      read: (body) => {
        const answer = JSON.parse(body) as BatchAnswer;
        if (!Array.isArray(answer?.results)) throw new Error('it has no results');
        return answer;
      },
    };
  }

  private inPlace(sent: ScheduleResult[]): ScheduleResult[] {
    const rest = sent.values();
    return Array.from({ length: this.length }, (_, place) => this.known.get(place) ?? (rest.next().value as ScheduleResult));
  }
}

/** One entry as it is sent, or its result where it cannot be. */
interface Line {
  text: string;
  key: string;
  bytes: number;
  known?: ScheduleResult;
}

async function* chunks(entries: Entries): AsyncGenerator<Chunk> {
  let chunk = new Chunk();
  for await (const entry of entries) {
    const line = written(entry);
    if (!chunk.fits(line)) {
      yield chunk;
      chunk = new Chunk();
    }
    chunk.add(line);
  }
  if (chunk.length) yield chunk;
}

const encoder = new TextEncoder();

function written(entry: Entry): Line {
  if ('known' in entry) return { text: '', key: '', bytes: 0, known: entry.known };
  const key = entry.idempotencyKey || crypto.randomUUID();
  try {
    const text = JSON.stringify({ ...messageBody(entry), idempotencyKey: key });
    return { text, key, bytes: encoder.encode(text).length };
  } catch (error) {
    return { text: '', key, bytes: 0, known: failed(error, key) };
  }
}

function resultOf(line: BatchResult | undefined, key: string): ScheduleResult {
  if (line === undefined) {
    return failed(new Unavailable('The answer to the batch has no result for this message; schedule it again.'), key);
  }
  if (typeof line.jobId === 'string') {
    return { success: true, jobId: line.jobId, replayed: line.replayed === true, idempotencyKey: key };
  }
  const faults = line.errors ?? [];
  const error = faults.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return { success: false, error: error || 'The service rejected the message.', faults, idempotencyKey: key };
}
