/**
 * Scheduling that is tracked from before it begins, so that a message is neither lost nor doubled
 * wherever it is cut off.
 */
import type { Entries, Entry, OnProgress } from '../bulk.js';
import type { Message } from '../messages.js';
import { counted, type ScheduledMany, type ScheduleResult } from '../results.js';

const AT_ONCE = 1_000;

/** The part of a `Tracker` that this needs. */
export interface Planner {
  plan(messages: Iterable<Message>, now: Date): Promise<Message[]>;
  record(...results: readonly ScheduleResult[]): Promise<void>;
}

/** The part of a `QueueService` that this needs. */
export interface Scheduler {
  scheduleEach(messages: Entries, options?: { onProgress?: OnProgress }): AsyncGenerator<ScheduleResult>;
}

/**
 * Writes messages down, schedules them and records what became of each; what the service did not
 * take stays open for `reconcile`. `now` is the instant from which their delays count.
 */
export async function scheduleTracked(tracker: Planner, service: Scheduler, messages: Entries, now: Date = new Date()): Promise<ScheduledMany> {
  const results: ScheduleResult[] = [];
  for await (const result of scheduleEachTracked(tracker, service, messages, now)) results.push(result);
  return { ...counted(results), results };
}

/** As `scheduleTracked`, 1,000 at a time: yields what became of each message, in order. */
export async function* scheduleEachTracked(
  tracker: Planner,
  service: Scheduler,
  messages: Entries,
  now: Date,
  options: { onProgress?: OnProgress } = {},
): AsyncGenerator<ScheduleResult> {
  for await (const results of chunks(service.scheduleEach(planned(tracker, messages, now), options))) {
    await tracker.record(...results);
    yield* results;
  }
}

async function* planned(tracker: Planner, entries: Entries, now: Date): AsyncGenerator<Entry> {
  for await (const some of chunks(entries)) {
    const messages = (await tracker.plan(some.filter((entry): entry is Message => !('known' in entry)), now)).values();
    for (const entry of some) yield 'known' in entry ? entry : (messages.next().value as Message);
  }
}

async function* chunks<T>(things: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const thing of things) {
    chunk.push(thing);
    if (chunk.length === AT_ONCE) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length) yield chunk;
}
