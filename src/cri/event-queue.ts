/** A bounded queue between one writer that cannot wait and one reader. @module */

export interface Queue<T> {
  push(item: T): void;
  /** Yields until the signal aborts. One reader. */
  drain(signal: AbortSignal): AsyncIterable<T>;
}

/** A queue that would grow beyond `itemsMax` is emptied and holds `overflow` alone. */
export function queue<T>(itemsMax: number, overflow: T): Queue<T> {
  let items: T[] = [];
  let wake: (() => void) | undefined;
  const onAbort = (): void => wake?.();
  return {
    push(item) {
      if (items.length >= itemsMax) items = [overflow];
      else items.push(item);
      wake?.();
    },
    async *drain(signal) {
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        while (!signal.aborted) {
          const batch = items;
          items = [];
          yield* batch;
          if (items.length > 0 || signal.aborted) continue;
          // oxlint-disable-next-line no-loop-func -- one reader, one waker
          await new Promise<void>((resolve) => (wake = resolve));
          wake = undefined;
        }
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}
