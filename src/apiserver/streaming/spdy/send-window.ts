/** How much may be sent, by stream and in all, until the peer has taken what it was sent. @module */

/** What both sides may send before the first update. */
export const WINDOW_BYTES: number = 64 * 1024;

/** Stream 0 stands for the connection. */
export class SendWindow {
  #initial = WINDOW_BYTES;
  readonly #left = new Map<number, number>([[0, WINDOW_BYTES]]);
  readonly #waiting = new Map<number, () => void>();

  /** Takes up to `wanted` bytes out of the windows; 0: none may be sent now. */
  take(id: number, wanted: number): number {
    const [own, all] = [this.#of(id), this.#of(0)];
    const granted = Math.max(0, Math.min(own, all, wanted));
    this.#left.set(id, own - granted);
    this.#left.set(0, all - granted);
    return granted;
  }

  /** Puts bytes back, ours unused or the peer's update, and lets those go on that waited for them. */
  give(id: number, bytes: number): void {
    this.#left.set(id, this.#of(id) + bytes);
    // Those that still get nothing wait again.
    const resumed = this.#waiting.entries().filter(([stream]) => id === 0 || stream === id);
    for (const [stream, resume] of resumed.toArray()) {
      this.#waiting.delete(stream);
      resume();
    }
  }

  /** A stream has at most one write under way, so one waiter is enough. */
  wait(id: number, resume: () => void): void {
    this.#waiting.set(id, resume);
  }

  /** Changes the windows of all streams by the difference; not the connection's. */
  setInitial(bytes: number): void {
    const change = bytes - this.#initial;
    this.#initial = bytes;
    const streams = this.#left.keys().filter((id) => id !== 0);
    for (const id of streams.toArray()) this.give(id, change);
  }

  remove(id: number): void {
    this.#left.delete(id);
    this.#waiting.delete(id);
  }

  #of(id: number): number {
    return this.#left.get(id) ?? this.#initial;
  }
}
