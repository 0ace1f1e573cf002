/** The store kept in an etcd cluster, which several API servers may share. @module */
import { status, type ServiceError } from "@grpc/grpc-js";
import { systemClock, type Clock } from "#apimachinery";
import { checkWrites, prefixEnd, startOf } from "../keys.ts";
import {
  Compacted,
  FutureRevision,
  RevisionConflict,
  StoreClosed,
  type Change,
  type Entry,
  type Range,
  type RangeOptions,
  type Revision,
  type Store,
  type Write,
} from "../store.ts";
import { EtcdClient, type EtcdTls, type RangeResponse } from "./etcd-client.ts";
import { toEntry, watchEtcd } from "./etcd-watch.ts";
import { modRevisionIs } from "./messages.ts";

export type { EtcdTls } from "./etcd-client.ts";

export interface EtcdStoreOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  /** Put before every key, so that several clusters may share one etcd. Default: `/registry`. */
  readonly prefix?: string;
  /** For one try of one call. Default: 10,000. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/** Entries asked for at once. */
const PAGE_ENTRIES = 500;
/** etcd's own default; a transaction with more is refused there. */
export const TRANSACTION_OPERATIONS_MAX = 128;

/** Resolves when one of the endpoints has answered. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const clock = options.clock ?? systemClock;
  const { endpoints, tls, timeoutMs = 10_000 } = options;
  const client = new EtcdClient({ endpoints, clock, timeoutMs, ...(tls !== undefined && { tls }) });
  try {
    const { version } = await client.status(new AbortController().signal);
    return new EtcdStore(client, clock, options.prefix ?? "/registry", tellsProgressInOrder(version));
  } catch (error) {
    client.close();
    throw error;
  }
}

class EtcdStore implements Store {
  readonly #client: EtcdClient;
  readonly #clock: Clock;
  readonly #prefix: string;
  readonly #closing = new AbortController();
  readonly #commits = new Set<Promise<unknown>>();
  /** How to ask each open watch for its progress. */
  readonly #streams = new Set<() => void>();
  readonly #hasProgress: boolean;

  constructor(client: EtcdClient, clock: Clock, prefix: string, hasProgress: boolean) {
    this.#client = client;
    this.#clock = clock;
    this.#prefix = prefix;
    this.#hasProgress = hasProgress;
  }

  async get(key: string): Promise<Entry | undefined> {
    const { kvs } = await this.#range({ key: this.#encode(key) });
    return kvs[0] && toEntry(kvs[0], this.#decode);
  }

  async range(options: RangeOptions): Promise<Range> {
    const { limit = Infinity } = options;
    const entries: Entry[] = [];
    let { revision } = options;
    let last = startOf(options);
    for (;;) {
      const wanted = Math.min(PAGE_ENTRIES, limit - entries.length);
      const page = await this.#range({
        key: last === undefined ? this.#start(options.prefix) : this.#encode(`${last}\0`),
        rangeEnd: this.#end(options.prefix),
        limit: wanted,
        ...(revision !== undefined && { revision }),
      });
      revision ??= page.header.revision;
      entries.push(...page.kvs.map((kv) => toEntry(kv, this.#decode)));
      last = entries.at(-1)?.key ?? last;
      const remaining = page.count - page.kvs.length;
      if (!page.more || entries.length >= limit) return { entries, revision, remaining };
    }
  }

  async commit(writes: readonly Write[]): Promise<Revision> {
    this.#assertOpen();
    checkWrites(writes);
    for (const { key } of writes)
      if (!key.startsWith("/")) throw new TypeError(`${key}: keys in etcd begin with a slash`);
    if (writes.length > TRANSACTION_OPERATIONS_MAX)
      throw new RangeError(`${writes.length} writes; etcd takes ${TRANSACTION_OPERATIONS_MAX} at once`);
    if (writes.length === 0) return this.revision();
    const running = this.#txn(writes);
    this.#commits.add(running);
    try {
      return await running;
    } finally {
      this.#commits.delete(running);
    }
  }

  async *watch(
    prefix: string,
    from: Revision,
    signal: AbortSignal,
    onProgress?: (revision: Revision) => void,
  ): AsyncGenerator<readonly Change[], void> {
    const current = await this.revision();
    if (from > current) throw new FutureRevision(from, current);
    let open: (() => void) | undefined;
    const onStream = (requestProgress: (() => void) | undefined): void => {
      if (open !== undefined) this.#streams.delete(open);
      open = requestProgress;
      if (open !== undefined) this.#streams.add(open);
    };
    const options = {
      client: this.#client,
      clock: this.#clock,
      from,
      keyOf: this.#decode,
      onProgress: this.#hasProgress ? onProgress : undefined,
      onStream,
    };
    const range = { key: this.#start(prefix), rangeEnd: this.#end(prefix) };
    yield* watchEtcd({ ...options, ...range }, AbortSignal.any([signal, this.#closing.signal]));
    if (!signal.aborted) this.#assertOpen();
  }

  requestProgress(): void {
    if (this.#hasProgress) for (const request of this.#streams) request();
  }

  async revision(): Promise<Revision> {
    const { header } = await this.#range({ key: this.#start(""), countOnly: true });
    return header.revision;
  }

  async compact(revision: Revision): Promise<void> {
    this.#assertOpen();
    const current = await this.revision();
    if (revision > current) throw new FutureRevision(revision, current);
    try {
      await this.#client.compact(revision, this.#closing.signal);
    } catch (error) {
      if (!isCompacted(error)) throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    // etcd acknowledges what is durable: only what is under way has to be waited for.
    await Promise.allSettled(this.#commits);
    this.#closing.abort();
    this.#client.close();
  }

  async #txn(writes: readonly Write[]): Promise<Revision> {
    const operations = writes.map(({ key, value, ifRevision }) => ({
      key: this.#encode(key),
      value,
      ifRevision,
    }));
    const { header, succeeded, responses } = await this.#client.txn(
      {
        compare: operations.map(({ key, ifRevision }) => modRevisionIs(key, ifRevision)),
        success: operations.map(({ key, value }) =>
          value === undefined ? { requestDeleteRange: { key } } : { requestPut: { key, value } },
        ),
        failure: operations.map(({ key }) => ({ requestRange: { key, keysOnly: true } })),
      },
      this.#closing.signal,
    );
    if (succeeded) return header.revision;
    for (const [i, { key, ifRevision }] of writes.entries()) {
      const actual = responses[i]!.responseRange.kvs[0]?.modRevision ?? 0;
      if (actual !== ifRevision) throw new RevisionConflict(key, ifRevision, actual);
    }
    throw new Error("etcd refused a transaction whose conditions hold");
  }

  async #range(request: { readonly revision?: Revision } & Record<string, unknown>): Promise<RangeResponse> {
    this.#assertOpen();
    try {
      return await this.#client.range(request, this.#closing.signal);
    } catch (error) {
      const asked = request.revision;
      // etcd does not say what it still has; that it is more recent than this is certain.
      if (asked !== undefined && isCompacted(error)) throw new Compacted(asked, asked + 1);
      if (asked !== undefined && isFuture(error)) throw new FutureRevision(asked, await this.revision());
      throw error;
    }
  }

  #encode(key: string): Buffer {
    return Buffer.from(this.#prefix + key);
  }

  readonly #decode = (key: Buffer): string => key.toString("utf8", Buffer.byteLength(this.#prefix));

  /** Keys begin with a slash, which keeps `/registry` apart from `/registry-of-another`. */
  #start(prefix: string): Buffer {
    return this.#encode(prefix === "" ? "/" : prefix);
  }

  #end(prefix: string): Buffer {
    return Buffer.from(prefixEnd(this.#prefix + (prefix === "" ? "/" : prefix))!);
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw new StoreClosed();
  }
}

/**
 * Older versions may tell of progress before the changes it is about (etcd issue 15220); upstream draws the same line.
 * Progress of these is not believed.
 */
export function tellsProgressInOrder(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  if (major !== 3) return major > 3;
  if (minor === 4) return patch >= 31;
  return minor > 5 || (minor === 5 && patch >= 13);
}

function isCompacted(error: unknown): boolean {
  const { code, details } = error as ServiceError;
  return code === status.OUT_OF_RANGE && details.includes("compacted");
}

function isFuture(error: unknown): boolean {
  const { code, details } = error as ServiceError;
  return code === status.OUT_OF_RANGE && details.includes("future");
}
