/** Signals that end with their parent and can be ended earlier. @module */

export interface ChildAbort extends Disposable {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

/** Dispose it to let go of the parent, which often lives as long as the process. */
export function childAbort(parent: AbortSignal): ChildAbort {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(parent.reason);
  if (parent.aborted) onAbort();
  else parent.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    [Symbol.dispose]: () => parent.removeEventListener("abort", onAbort),
  };
}
