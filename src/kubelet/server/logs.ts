/** Reads and follows the log file of a container. @module */
import { watch } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type Clock, WakeablePause } from "#apimachinery";
import { parseLogLine } from "./log-format.ts";

export interface LogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  /** Lines before are left out. ms since 1970. */
  readonly sinceMs?: number;
  readonly stream?: "All" | "Stdout" | "Stderr";
}

export interface LogSource {
  readonly path: string;
  readonly clock: Clock;
  /** Whether more may be written. */
  readonly isRunning: () => boolean;
}

const CHUNK_BYTES = 64 * 1024;
/** A line longer than this is given out in pieces. */
const LINE_BYTES_MAX = 1024 * 1024;
/** How long a change may stay unnoticed when the file system tells nothing. */
const POLL_MS = 1000;
const NEWLINE = 0x0a;

/** The text of the log in pieces; ends with the file, or when following, after the container has ended. */
export async function* readLogs(
  source: LogSource,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  if (options.tailLines === 0 && !options.follow) return;
  const formatter = new Formatter(options);
  let file = await open(source.path);
  try {
    let position = options.tailLines === undefined ? 0 : await tailPosition(file, options.tailLines);
    using changes = options.follow ? watchFile(source.path, source.clock) : NO_CHANGES;
    for (;;) {
      // Asked before reading: what is written until the end is still read.
      const running = source.isRunning();
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, position);
        if (bytesRead === 0) break;
        position += bytesRead;
        const text = formatter.push(buffer.subarray(0, bytesRead));
        if (text.length > 0) yield text;
        if (formatter.isFull || signal.aborted) return;
      }
      if (!options.follow || signal.aborted) return;
      const next = await rotated(file, source.path);
      if (next !== undefined) {
        await file.close();
        file = next;
        position = 0;
        continue;
      }
      if (!running) return;
      await changes.wait(signal);
    }
  } finally {
    await file.close();
  }
}

/** Turns bytes of the file into what the user asked for. */
class Formatter {
  readonly #options: LogOptions;
  #rest = Buffer.alloc(0);
  #leftBytes: number;
  /** A partial line has been given out: its next piece gets no timestamp. */
  readonly #continued = { stdout: false, stderr: false };

  constructor(options: LogOptions) {
    this.#options = options;
    this.#leftBytes = options.limitBytes ?? Infinity;
  }

  get isFull(): boolean {
    return this.#leftBytes <= 0;
  }

  push(bytes: Buffer): Buffer {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const pieces: string[] = [];
    let start = 0;
    for (let end = all.indexOf(NEWLINE); end >= 0; end = all.indexOf(NEWLINE, start)) {
      pieces.push(this.#format(all.toString("utf8", start, end)));
      start = end + 1;
    }
    this.#rest = Buffer.from(all.subarray(start));
    if (this.#rest.length > LINE_BYTES_MAX) this.#rest = Buffer.alloc(0);
    const text = Buffer.from(pieces.join(""));
    const cut = text.length > this.#leftBytes ? text.subarray(0, this.#leftBytes) : text;
    this.#leftBytes -= cut.length;
    return cut;
  }

  #format(raw: string): string {
    const { timestamps, sinceMs, stream = "All" } = this.#options;
    const line = parseLogLine(raw);
    if (line === undefined) return "";
    if (stream !== "All" && stream.toLowerCase() !== line.stream) return "";
    if (sinceMs !== undefined && Date.parse(line.time) < sinceMs) return "";
    const prefix = timestamps && !this.#continued[line.stream] ? `${line.time} ` : "";
    this.#continued[line.stream] = line.partial;
    return `${prefix}${line.text}${line.partial ? "" : "\n"}`;
  }
}

/** Where the last `lines` lines begin, found from the end. */
async function tailPosition(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines === 0) return size;
  let found = 0;
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    for (let at = buffer.length - 1; at >= 0; at--) {
      if (buffer[at] !== NEWLINE || start + at === size - 1) continue;
      if (++found === lines) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** The file that has taken this one's place, opened; undefined while it is the same. */
async function rotated(file: FileHandle, path: string): Promise<FileHandle | undefined> {
  try {
    const [here, there] = await Promise.all([file.stat(), stat(path)]);
    return here.ino === there.ino ? undefined : await open(path);
  } catch (err) {
    // Between the old file's move and the new one's creation there is none.
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
}

interface Changes extends Disposable {
  wait(signal: AbortSignal): Promise<void>;
}

const NO_CHANGES: Changes = { wait: async () => {}, [Symbol.dispose]: () => {} };

function watchFile(path: string, clock: Clock): Changes {
  let changed = false;
  const rest = new WakeablePause(clock);
  const name = basename(path);
  const watcher = watch(dirname(path), (_, file) => {
    if (file !== name) return;
    changed = true;
    rest.wake();
  });
  // The folder was removed with the pod: the poll finds the end.
  watcher.on("error", () => rest.wake());
  return {
    wait: async (signal) => {
      if (!changed) await rest.wait(POLL_MS, signal);
      changed = false;
    },
    [Symbol.dispose]: () => watcher.close(),
  };
}
