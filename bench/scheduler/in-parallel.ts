/** Many writes at the same time, as many clients would make them. @module */
const WRITES_MAX = 64;

export async function inParallel(count: number, run: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: WRITES_MAX }, worker));
}
