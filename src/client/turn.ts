/** Long loops give way: nothing may hold the event loop for more than 10 ms. @module */

/** Half of the limit, since what follows the loop runs in the same turn. */
const TURN_MS = 5;

/** When the turn of the event loop under way was first asked about. Real time, also under a fake clock: it is about this CPU. */
let startMs: number | undefined;

/** Whether this turn has run for long enough; a loop then awaits `nextTurn()`. */
export function turnIsLong(): boolean {
  const nowMs = performance.now();
  if (startMs === undefined) {
    startMs = nowMs;
    void nextTurn().then(() => (startMs = undefined));
  }
  return nowMs - startMs >= TURN_MS;
}

/** Resolves after the I/O that is ready now. Browsers have no setImmediate. */
export function nextTurn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (typeof setImmediate === "function") {
    setImmediate(resolve);
    return promise;
  }
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener("message", () => {
    port1.close();
    resolve();
  });
  port1.start();
  port2.postMessage(undefined);
  return promise;
}
