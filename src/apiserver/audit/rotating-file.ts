/** A file of lines that moves aside when it is full; names and rules of old files as upstream's lumberjack. @module */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Clock, Logger } from "#apimachinery";

const MEGABYTE = 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;
const MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}\.\d{3}$/;
const GZIP = ".gz";

export interface RotatingFileOptions {
  readonly path: string;
  /** 0: never rotated. */
  readonly maxSizeMb: number;
  /** 0: old files are kept however old. */
  readonly maxAgeDays: number;
  /** 0: all old files are kept. */
  readonly maxBackups: number;
  readonly compress: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Makes the file and its folder. */
export async function openRotatingFile(options: RotatingFileOptions): Promise<RotatingFile> {
  await mkdir(dirname(options.path), { recursive: true, mode: DIRECTORY_MODE });
  const file = new RotatingFile(options);
  await file.open();
  return file;
}

/** One write at a time: the caller waits for each. */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  /** Undefined: it could not be opened anew, which the next write tries again. */
  #file: FileHandle | undefined;
  #size = 0;
  /** Told already: a full disk is no news with every line. */
  #problem = "";

  constructor(options: RotatingFileOptions) {
    this.#options = options;
  }

  async open(): Promise<FileHandle> {
    const file = await open(this.#options.path, "a", MODE);
    this.#file = file;
    this.#size = (await file.stat()).size;
    return file;
  }

  /** Throws when the text could not be kept; then nothing of it is in the file. */
  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const { maxSizeMb } = this.#options;
    const isFull = maxSizeMb > 0 && this.#size > 0 && this.#size + bytes.length > maxSizeMb * MEGABYTE;
    if (isFull && this.#file !== undefined) await this.#rotate(this.#file);
    const file = this.#file ?? (await this.open());
    try {
      await file.appendFile(bytes);
    } catch (err) {
      await this.#cut(file);
      throw err;
    }
    this.#size += bytes.length;
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  /** Half of a line would spoil the next one, too. */
  async #cut(file: FileHandle): Promise<void> {
    const { size } = await file.stat();
    if (size > this.#size) await file.truncate(this.#size);
  }

  /** Whatever becomes of the old files, lines have a place to go. */
  async #rotate(file: FileHandle): Promise<void> {
    const { path, clock } = this.#options;
    const [prefix, extension] = partsOf(path);
    const time = new Date(clock.now()).toISOString().slice(0, -1).replaceAll(":", "-");
    this.#file = undefined;
    await file.close();
    try {
      await rename(path, join(dirname(path), `${prefix}${time}${extension}`));
      await this.open();
      await this.#removeOld();
      this.#problem = "";
    } catch (err) {
      this.#tell(err as Error);
    }
  }

  #tell(err: Error): void {
    const { path, logger } = this.#options;
    if (err.message !== this.#problem) logger.error("The audit log could not be rotated", { path, err });
    this.#problem = err.message;
  }

  async #removeOld(): Promise<void> {
    const { path, maxAgeDays, maxBackups, compress, clock } = this.#options;
    const folder = dirname(path);
    const backups = backupsOf(path, await readdir(folder));
    const oldest = maxAgeDays === 0 ? -Infinity : clock.now() - maxAgeDays * DAY_MS;
    for (const [i, { name, timeMs }] of backups.entries()) {
      const isSurplus = (maxBackups > 0 && i >= maxBackups) || timeMs < oldest;
      if (isSurplus) await rm(join(folder, name), { force: true });
      else if (compress && !name.endsWith(GZIP)) await pack(join(folder, name));
    }
  }
}

/** `audit-`, `.log`. */
function partsOf(path: string): readonly [string, string] {
  const extension = extname(path);
  return [`${basename(path, extension)}-`, extension];
}

interface Backup {
  readonly name: string;
  readonly timeMs: number;
}

/** Old files of this one, newest first. */
function backupsOf(path: string, names: readonly string[]): readonly Backup[] {
  const [prefix, extension] = partsOf(path);
  const found: Backup[] = [];
  for (const name of names) {
    const plain = name.endsWith(GZIP) ? name.slice(0, -GZIP.length) : name;
    if (!plain.startsWith(prefix) || !plain.endsWith(extension)) continue;
    const time = plain.slice(prefix.length, plain.length - extension.length);
    if (!TIME.test(time)) continue;
    const [date = "", clockTime = ""] = time.split("T");
    found.push({ name, timeMs: Date.parse(`${date}T${clockTime.replaceAll("-", ":")}Z`) });
  }
  return found.toSorted((a, b) => b.timeMs - a.timeMs);
}

async function pack(path: string): Promise<void> {
  const to = `${path}${GZIP}`;
  try {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(to, { mode: MODE }));
  } catch (err) {
    await rm(to, { force: true });
    throw err;
  }
  await rm(path);
}
