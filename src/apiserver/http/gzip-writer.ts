/** A body writer that compresses. @module */
import { createGzip, type Gzip } from "node:zlib";
import type { BodyWriter } from "./exchange.ts";

export class GzipWriter implements BodyWriter {
  readonly #gzip: Gzip;
  readonly #to: BodyWriter;

  constructor(to: BodyWriter, level: number) {
    this.#to = to;
    this.#gzip = createGzip({ level });
    this.#gzip.on("data", (chunk: Uint8Array) => {
      if (to.write(chunk)) return;
      this.#gzip.pause();
      void to.drained().then(() => this.#gzip.resume());
    });
    this.#gzip.on("end", () => to.end());
    this.#gzip.on("error", () => to.abort());
  }

  write(chunk: Uint8Array | string): boolean {
    return this.#gzip.write(chunk);
  }

  writeShared(chunk: Uint8Array): boolean {
    return this.write(chunk);
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#gzip.writableNeedDrain) resolve();
      else this.#gzip.once("drain", resolve);
    });
  }

  get isGone(): boolean {
    return this.#to.isGone;
  }

  onDrain(callback: () => void): void {
    this.#gzip.once("drain", callback);
  }

  end(): void {
    this.#gzip.end();
  }

  abort(): void {
    this.#gzip.destroy();
    this.#to.abort();
  }
}
