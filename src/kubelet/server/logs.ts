/** Reads and follows the log file of a container. @module */
import { watch } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type Clock, WakeablePause } from "#apimachinery";
import { type LogFormat, LogFormatter } from "./log-formatter.ts";

export interface LogOptions extends LogFormat {
  readonly follow: boolean;
  readonly tailLines?: number;
}

export interface LogSource {
  readonly path: string;
  readonly clock: Clock;
  /** Whether more may be written. */
  readonly isRunning: () => boolean;
}

const CHUNK_BYTES = 64 * 1024;
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
  const formatter = new LogFormatter(options);
  let file = await open(source.path);
  let successor: FileHandle | undefined;
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
      if (signal.aborted) return;
      if (!options.follow || successor !== undefined) {
        const text = formatter.end();
        if (text.length > 0) yield text;
      }
      if (!options.follow) return;
      if (successor !== undefined) {
        await file.close();
        file = successor;
        successor = undefined;
        position = 0;
        continue;
      }
      successor = await successorOf(file, source.path, running);
      // The runtime may have written to the old file after it was read, and before the new one: it is read once more.
      if (successor !== undefined) continue;
      if (!running) return;
      await changes.wait(signal);
    }
  } finally {
    await file.close();
    await successor?.close();
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

/**
 * The file that has taken this one's place, opened. Undefined while it is the same, or the new one is still empty: until the
 * runtime has something to write there it may write to the old one.
 */
async function successorOf(
  file: FileHandle,
  path: string,
  isRunning: boolean,
): Promise<FileHandle | undefined> {
  try {
    const [here, there] = await Promise.all([file.stat(), stat(path)]);
    const isSame = here.ino === there.ino;
    return isSame || (isRunning && there.size === 0) ? undefined : await open(path);
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
