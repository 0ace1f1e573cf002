/** Two connections as one: bytes go both ways, each side as fast as the other takes them. @module */
import type { Duplex } from "node:stream";
import type { Clock } from "#apimachinery";

/** When one side has closed its direction, the other may still finish; but not for ever. */
const LINGER_MS = 30_000;

/**
 * Resolves when both are closed. An end is passed on as an end, so that half-closed connections go on; a failure, the
 * signal, or a side that closes without one, closes both.
 */
export async function splice(a: Duplex, b: Duplex, clock: Clock, signal: AbortSignal): Promise<void> {
  const destroy = (): void => {
    a.destroy();
    b.destroy();
  };
  signal.addEventListener("abort", destroy, { once: true });
  if (signal.aborted) destroy();
  let linger: { cancel(): void } | undefined;
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.once("error", destroy);
    for (const over of ["end", "close"]) from.once(over, () => (linger ??= clock.after(LINGER_MS, destroy)));
    // What was read before the close is still written.
    from.once("close", () => (to.writableLength === 0 ? to.destroy() : to.end(() => to.destroy())));
    from.pipe(to);
  }
  await Promise.all([closed(a), closed(b)]);
  linger?.cancel();
  signal.removeEventListener("abort", destroy);
}

function closed(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve();
    else stream.once("close", resolve);
  });
}
