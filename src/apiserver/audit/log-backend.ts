/** Audit events as lines of a file or of standard output. @module */
import { write } from "node:fs";
import { promisify } from "node:util";
import { reportLoss, type AuditBackend, type AuditRecord, type BackendParts } from "./backend.ts";
import { formatLegacy } from "./format.ts";
import type { AuditLogOptions } from "./options.ts";

const PLUGIN = "log";
const STDOUT = 1;
const writeTo = promisify(write);

/** What lines are written to, one write at a time. */
export interface LineSink {
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

export const stdoutSink: LineSink = {
  async write(text) {
    for (let rest = Buffer.from(text); rest.length > 0;) {
      const { bytesWritten } = await writeTo(STDOUT, rest);
      rest = rest.subarray(bytesWritten);
    }
  },
  close: () => Promise.resolve(),
};

interface Waiting {
  readonly records: readonly AuditRecord[];
  readonly resolve: (isKept: boolean) => void;
}

/** Events that come while the file is being written go out together with the next write. */
export class LogBackend implements AuditBackend {
  readonly #sink: LineSink;
  readonly #isLegacy: boolean;
  readonly #parts: BackendParts;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  /** Since events could be written last. */
  #lost = 0;

  constructor(sink: LineSink, format: AuditLogOptions["format"], parts: BackendParts) {
    this.#sink = sink;
    this.#isLegacy = format === "legacy";
    this.#parts = parts;
  }

  process(records: readonly AuditRecord[]): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.push({ records, resolve });
      this.#writing ??= this.#run();
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#sink.close();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const taken = this.#waiting;
      this.#waiting = [];
      const records = taken.flatMap((entry) => entry.records);
      let isKept = true;
      try {
        await this.#sink.write(records.map((record) => `${this.#lineOf(record)}\n`).join(""));
        this.#tellLost();
      } catch (err) {
        isKept = false;
        // a full disk is told of once: its logs have no room either
        if (this.#lost === 0) reportLoss(PLUGIN, err, records, this.#parts);
        else this.#parts.metrics.lost(PLUGIN, records.length);
        this.#lost += records.length;
      }
      for (const { resolve } of taken) resolve(isKept);
    }
    this.#writing = undefined;
  }

  #tellLost(): void {
    if (this.#lost === 0) return;
    this.#parts.logger.warn("Audit events are written again", { plugin: PLUGIN, lost: this.#lost });
    this.#lost = 0;
  }

  #lineOf({ event, line }: AuditRecord): string {
    return this.#isLegacy ? formatLegacy(event) : line;
  }
}
