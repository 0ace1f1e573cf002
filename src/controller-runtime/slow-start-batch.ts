/** Many equal writes, of which the first ones try whether the others have a chance. @module */

/**
 * Calls `run` `count` times: first one, then twice as many at the same time after every batch without a failure, so that
 * a quota that is full costs one refused request and not thousands. Resolves with the number of successes and the first
 * error; calls after a failed batch are not made. Upstream's `slowStartBatch`.
 */
export async function slowStartBatch(
  count: number,
  initialBatchSize: number,
  run: (index: number) => Promise<unknown>,
): Promise<{ readonly successes: number; readonly error: unknown }> {
  let successes = 0;
  let next = 0;
  for (let size = Math.min(count, initialBatchSize); size > 0; size = Math.min(2 * size, count - next)) {
    const indexes = Array.from({ length: size }, () => next++);
    const results = await Promise.allSettled(indexes.map((index) => run(index)));
    successes += results.filter((result) => result.status === "fulfilled").length;
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) return { successes, error: failed.reason };
  }
  return { successes, error: undefined };
}
