/** The streaming of one watch to one HTTP client. @module */
import type { Clock, Timer } from "#apimachinery";
import { encodeWatchItem } from "../handlers/encode.ts";
import type { Representation } from "../handlers/request.ts";
import type { Watcher } from "../watchcache/watcher.ts";
import type { BodyWriter } from "./exchange.ts";
import type { FanOut, Flushable } from "./fan-out.ts";
import type { WatchSeries } from "./request-metrics.ts";

/** Items written in one go. */
const ITEMS_MAX = 100;
/** How a protobuf frame begins. */
const FRAME_LENGTH_BYTES = 4;

export interface WatchResponseOptions {
  readonly watcher: Watcher;
  readonly writer: BodyWriter;
  readonly as: Representation;
  readonly kind: { readonly apiVersion: string; readonly kind: string };
  readonly fanOut: FanOut;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Aborts when the client is gone or the server closes. */
  readonly signal: AbortSignal;
  readonly series?: WatchSeries;
  readonly onEnd?: () => void;
}

/** The response lives until its client goes, its time is over or the server closes; the watcher ends with it. */
export function startWatchResponse(options: WatchResponseOptions): void {
  new WatchResponse(options).start();
}

class WatchResponse implements Flushable {
  readonly #options: WatchResponseOptions;
  #timeout: Timer | undefined;
  #isBlocked = false;
  #isDone = false;

  constructor(options: WatchResponseOptions) {
    this.#options = options;
  }

  start(): void {
    const { watcher, clock, timeoutMs, signal, fanOut } = this.#options;
    this.#timeout = clock.after(timeoutMs, () => watcher.stop());
    signal.addEventListener("abort", () => watcher.stop(), { once: true });
    if (signal.aborted) watcher.stop();
    watcher.onReady(() => fanOut.mark(this));
  }

  flush(): boolean {
    const { watcher, writer, as, kind, series } = this.#options;
    if (this.#isBlocked || this.#isDone) return false;
    const items = watcher.take(ITEMS_MAX);
    if (items.length > 0) {
      const lines = items.map((item) => encodeWatchItem(item, as, kind));
      if (series !== undefined) count(series, lines);
      if (!this.#write(lines)) {
        this.#isBlocked = true;
        writer.onDrain(() => {
          this.#isBlocked = false;
          this.#options.fanOut.mark(this);
        });
        if (!watcher.isEnded) return false;
      }
    }
    if (!watcher.isEmpty) return true;
    if (watcher.isEnded) this.#finish();
    return false;
  }

  #write(lines: readonly (Uint8Array | string)[]): boolean {
    const { writer, as } = this.#options;
    if (writer.isFramed === true) {
      const messages = as.format === "protobuf" ? lines.map(withoutLength) : lines;
      return messages.map((message) => writer.write(message)).every((isTaken) => isTaken);
    }
    const body = join(lines);
    return typeof body === "string" ? writer.write(body) : writer.writeShared(body);
  }

  #finish(): void {
    this.#isDone = true;
    this.#timeout?.cancel();
    this.#options.writer.end();
    this.#options.onEnd?.();
  }
}

/** A message knows its length, so that of a protobuf frame is left out. */
function withoutLength(frame: Uint8Array | string): Uint8Array | string {
  return frame.slice(FRAME_LENGTH_BYTES);
}

function count({ events, sizes }: WatchSeries, lines: readonly (Uint8Array | string)[]): void {
  events.inc(lines.length);
  for (const { length } of lines) sizes.observe(length);
}

interface Joined {
  readonly lines: readonly (Uint8Array | string)[];
  readonly body: Uint8Array;
}

let lastJoined: Joined | undefined;

/** All watchers of a resource write the same bytes one after the other: a single event is not copied, several once. */
function join(lines: readonly (Uint8Array | string)[]): Uint8Array | string {
  if (lines.length === 1) return lines[0]!;
  const last = lastJoined;
  if (last?.lines.length === lines.length && lines.every((line, i) => line === last.lines[i]))
    return last.body;
  const body = Buffer.concat(lines.map((line) => (typeof line === "string" ? Buffer.from(line) : line)));
  lastJoined = { lines, body };
  return body;
}
