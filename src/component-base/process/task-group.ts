/** Ownership of started tasks: whoever starts one holds the group, and the group awaits them all. @module */

/**
 * `await using tasks = new TaskGroup(signal)`: tasks run until they return, until `stop`, or until one of them fails,
 * which stops the others. Leaving the scope stops and awaits them.
 */
export class TaskGroup implements AsyncDisposable {
  readonly #abort = new AbortController();
  readonly #running = new Map<Promise<void>, string>();
  readonly #parent: AbortSignal | undefined;
  readonly #onParentAbort = (): void => this.stop(this.#parent?.reason);
  #failure: { readonly error: unknown } | undefined;
  #observed = false;

  /** The group stops when `parent` aborts. */
  constructor(parent?: AbortSignal) {
    this.#parent = parent;
    if (parent?.aborted === true) this.stop(parent.reason);
    else parent?.addEventListener("abort", this.#onParentAbort, { once: true });
  }

  /** Aborted when the tasks are to stop. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Names of the tasks that have not ended, for messages. */
  get running(): readonly string[] {
    return [...this.#running.values()];
  }

  /**
   * Runs `task` now, unless the group was stopped already. Its failure stops the group and is what `wait` throws; what it throws after the group was
   * stopped because of that is its way of stopping.
   */
  start(name: string, task: (signal: AbortSignal) => Promise<void>): void {
    if (this.#abort.signal.aborted) return;
    const promise = this.#run(name, task);
    this.#running.set(promise, name);
    void promise.then(() => this.#running.delete(promise));
  }

  /** Asks all tasks to stop; does not wait. */
  stop(reason: unknown = new DOMException("The task group was stopped", "AbortError")): void {
    this.#parent?.removeEventListener("abort", this.#onParentAbort);
    this.#abort.abort(reason);
  }

  /** Resolves when all tasks have ended, also those started meanwhile; throws the first failure. */
  async wait(): Promise<void> {
    await this.#settle();
    this.#observed = true;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Stops and awaits the tasks. Throws a failure that nobody has seen through `wait`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.#settle();
    if (this.#failure !== undefined && !this.#observed) throw this.#failure.error;
  }

  async #settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.keys());
  }

  /** Never rejects. */
  async #run(name: string, task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#abort;
    try {
      await task(signal);
    } catch (err) {
      if (signal.aborted && isAbort(err, signal)) return;
      this.#failure ??= { error: new Error(`task ${name} failed`, { cause: err }) };
      this.stop(this.#failure.error);
    }
  }
}

function isAbort(err: unknown, signal: AbortSignal): boolean {
  return err === signal.reason || (err instanceof Error && err.name === "AbortError");
}
