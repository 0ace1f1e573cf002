/** Running many API calls with a bound on how many are in flight. @module */
import { messageOf } from "#apimachinery";

/** Calls in flight of one reconcile. */
export const PARALLEL_MAX = 32;

/** Calls for every item, `PARALLEL_MAX` at a time; waits for all, then throws the first error. */
export async function forEachParallel<T>(
  items: readonly T[],
  call: (item: T) => Promise<unknown>,
  parallel: number = PARALLEL_MAX,
): Promise<void> {
  const errors: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next++]!;
      try {
        await call(item);
      } catch (err) {
        errors.push(err);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) {
    const summary = errors.map(messageOf).slice(0, 5);
    throw new AggregateError(errors, summary.join("; "), { cause: errors[0] });
  }
}
