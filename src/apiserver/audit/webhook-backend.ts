/** Audit events sent to somebody else over HTTPS, as lists; tried again whatever went wrong, as upstream. @module */
import type { Clock } from "#apimachinery";
import type { Transport } from "#client";
import { reportLoss, type AuditBackend, type AuditRecord, type BackendParts } from "./backend.ts";
import { formatEventList } from "./format.ts";

const PLUGIN = "webhook";
/** Upstream's backoff: so many tries, each pause longer than the one before, by chance longer still. */
const ATTEMPTS_MAX = 5;
const BACKOFF_FACTOR = 1.5;
const JITTER = 0.2;
/** How long the last try may take when the server closes. */
const LAST_TRY_MS = 5_000;

export interface WebhookParts extends BackendParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly initialBackoffMs: number;
  /** Whose own path stands before `path`. */
  readonly transport: Pick<Transport, "request"> & { close(): Promise<void> };
  readonly path: string;
}

export class WebhookBackend implements AuditBackend {
  readonly #parts: WebhookParts;
  /** At the end nobody waits for a better time. */
  readonly #closing = new AbortController();

  constructor(parts: WebhookParts) {
    this.#parts = parts;
  }

  async process(records: readonly AuditRecord[]): Promise<boolean> {
    const body = Buffer.from(formatEventList(records.map(({ line }) => line)));
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#post(body);
        return true;
      } catch (err) {
        if (attempt >= ATTEMPTS_MAX || this.#closing.signal.aborted) {
          reportLoss(PLUGIN, err, records, this.#parts);
          return false;
        }
        await this.#pause(attempt);
      }
    }
  }

  close(): Promise<void> {
    this.#closing.abort();
    return this.#parts.transport.close();
  }

  /** The server closes: what waits for its next try goes now, and once, and not for ever. */
  hurry(): void {
    const { clock, transport } = this.#parts;
    this.#closing.abort();
    clock.after(LAST_TRY_MS, () => void transport.close());
  }

  async #post(body: Uint8Array): Promise<void> {
    const headers = { "content-type": "application/json", accept: "application/json" };
    const { transport, path } = this.#parts;
    await transport.request(
      { method: "POST", path, body, headers },
      new AbortController().signal, // the transport has a timeout of its own
    );
  }

  async #pause(attempt: number): Promise<void> {
    const { clock, random, initialBackoffMs } = this.#parts;
    const ms = initialBackoffMs * BACKOFF_FACTOR ** (attempt - 1) * (1 + JITTER * random());
    await clock.sleep(ms, this.#closing.signal).catch((err: unknown) => {
      if (!this.#closing.signal.aborted) throw err;
    });
  }
}
