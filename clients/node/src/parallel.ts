/** Works through many things, some of them at once. */
const AT_ONCE = 16;

/** Awaits `work` for each of `things`, 16 at a time. Rejects with the first failure, when those at work have ended. */
export async function each<T>(things: Iterable<T>, work: (thing: T) => Promise<unknown>): Promise<void> {
  const rest = things[Symbol.iterator]();
  let broken = false;
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); !next.done && !broken; next = rest.next()) {
      try {
        await work(next.value);
      } catch (error) {
        broken = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker));
  const failure = ended.find((one) => one.status === 'rejected');
  if (failure !== undefined) throw (failure as PromiseRejectedResult).reason;
}
