/**
 * Space on the disk for the next transaction, taken before LMDB writes it: a write that finds no room makes LMDB overrun a
 * buffer, which sooner or later ends the process.
 * @module
 */
import { open, type FileHandle } from "node:fs/promises";

/** Taken at once, so that most transactions find some left: 1 MiB. */
const STEP_PAGES = 256;
const ZEROS = Buffer.alloc(2 ** 20);
/** A leaf and its branch are copied and may be split; a value beside them fills its last page in part. */
const PAGES_OF_WRITE = 5;
/** The upper parts of all tables, which the writes of a transaction share. */
const PAGES_OF_TRANSACTION = 64;
/** The list of free pages may be written anew as a whole, eight bytes for each. */
const FREE_PAGES_PER_PAGE = 512;

/** Of one transaction: puts and removes, and the bytes of the values that are put. */
export interface WriteSize {
  readonly writes: number;
  readonly bytes: number;
}

/** Zeros behind the last page that LMDB uses, where it puts its next ones. */
export class DiskReserve {
  readonly #file: FileHandle;
  readonly #pageBytes: number;
  readonly #lastPage: () => number;
  /** Up to here the file is on the disk. */
  #end = 0;
  /** What transactions may still take until somebody looks how far LMDB is. */
  #pages = 0;
  #listPages = 0;

  private constructor(file: FileHandle, pageBytes: number, lastPage: () => number) {
    this.#file = file;
    this.#pageBytes = pageBytes;
    this.#lastPage = lastPage;
  }

  /** `lastPage`: the last one that LMDB uses. */
  static async open(path: string, pageBytes: number, lastPage: () => number): Promise<DiskReserve> {
    return new DiskReserve(await open(path, "r+"), pageBytes, lastPage);
  }

  /**
   * Resolves when a transaction has room, whatever others do to the disk meanwhile. Not to be called while one is being
   * written. Throws what the file system says; then nothing was taken.
   */
  async take(size: WriteSize): Promise<void> {
    if (this.#pages < this.#pagesOf(size)) await this.#extend(size);
    this.#pages -= this.#pagesOf(size);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #pagesOf({ writes, bytes }: WriteSize): number {
    const ofValues = Math.ceil(bytes / this.#pageBytes);
    return PAGES_OF_TRANSACTION + this.#listPages + writes * PAGES_OF_WRITE + ofValues;
  }

  async #extend(size: WriteSize): Promise<void> {
    const pageBytes = this.#pageBytes;
    const lastPage = this.#lastPage();
    const begin = (lastPage + 1) * pageBytes;
    this.#listPages = Math.ceil(lastPage / FREE_PAGES_PER_PAGE);
    // what is behind the last page when the file is opened may be a hole: it is written again
    this.#end = Math.max(this.#end, begin);
    const needed = this.#pagesOf(size);
    const wanted = Math.max(needed, STEP_PAGES);
    await this.#fill(begin + wanted * pageBytes, begin + needed * pageBytes);
    this.#pages = Math.floor((this.#end - begin) / pageBytes);
  }

  /** To `wanted`, or at least to `needed`. What is no use is given back: others may have use for it. */
  async #fill(wanted: number, needed: number): Promise<void> {
    const { size } = await this.#file.stat();
    let at = this.#end;
    try {
      while (at < wanted) {
        const { bytesWritten } = await this.#file.write(ZEROS, 0, Math.min(ZEROS.length, wanted - at), at);
        at += bytesWritten;
      }
    } catch (err) {
      if (at < needed) {
        if (at > size) await this.#file.truncate(size);
        throw err;
      }
    }
    this.#end = Math.max(at, this.#end);
  }
}
