/** A store whose values are encrypted: the one place where the bytes that the server works with and the stored ones differ. @module */
import { messageOf } from "#apimachinery";
import type { Change, CommitOptions, Entry, Range, Revision, Store, Write } from "#storage";
import { groupResourceOfKey, resourceOfKey } from "../watchcache/storage-key.ts";
import { unreadableValue } from "../watchcache/unreadable.ts";
import type { ResourceTransformers } from "./resource-transformers.ts";
import type { Transformer } from "./transformer.ts";

/** Decrypted values before other work gets its turn. */
const SLICE = 200;

export class EncryptedStore implements Store {
  readonly #store: Store;
  #transformers: ResourceTransformers;
  /** What this process wrote comes back from some stores as the same bytes: nothing is to be decrypted then. */
  readonly #plain = new WeakMap<Uint8Array, Uint8Array>();

  constructor(store: Store, transformers: ResourceTransformers) {
    this.#store = store;
    this.#transformers = transformers;
    if (store.requestProgress !== undefined) this.requestProgress = () => store.requestProgress?.();
  }

  readonly requestProgress?: () => void;

  /** From now on; what is stored stays as it is until it is written again. */
  use(transformers: ResourceTransformers): void {
    this.#transformers = transformers;
  }

  /** Whether a write of the same value would store something else: with the first key of now. */
  async isStale(key: string): Promise<boolean> {
    const transformer = this.#transformerOf(key);
    if (transformer === undefined) return false;
    const entry = await this.#store.get(key);
    if (entry === undefined) return false;
    try {
      return transformer.fromStorage(buffer(entry.value), key).isStale;
    } catch {
      // Who cannot read it does not write it either; a read says why.
      return false;
    }
  }

  async get(key: string): Promise<Entry | undefined> {
    const entry = await this.#store.get(key);
    return entry && this.#readable(entry);
  }

  async range(...args: Parameters<Store["range"]>): Promise<Range> {
    const range = await this.#store.range(...args);
    const entries: Entry[] = [];
    for (const entry of range.entries) {
      entries.push(this.#readable(entry));
      if (entries.length % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return { ...range, entries };
  }

  commit(writes: readonly Write[], options?: CommitOptions): Promise<Revision> {
    const encrypted = writes.map((write) =>
      write.value === undefined ? write : { ...write, value: this.#encrypt(write.key, write.value) },
    );
    return this.#store.commit(encrypted, options);
  }

  async *watch(...args: Parameters<Store["watch"]>): AsyncGenerator<readonly Change[], void> {
    for await (const changes of this.#store.watch(...args))
      yield changes.map((change) => this.#readableChange(change));
  }

  revision(): Promise<Revision> {
    return this.#store.revision();
  }

  compact(revision: Revision): Promise<void> {
    return this.#store.compact(revision);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #encrypt(key: string, value: Uint8Array): Uint8Array {
    const transformer = this.#transformerOf(key);
    if (transformer === undefined) return value;
    const stored = transformer.toStorage(buffer(value), key);
    if (stored !== value) this.#plain.set(stored, value);
    return stored;
  }

  #readable(entry: Entry): Entry {
    return { ...entry, value: this.#decrypt(entry.key, entry.value) };
  }

  /** The state before is decrypted when somebody looks at it, which hardly anybody does. */
  #readableChange(change: Change): Change {
    const { key, revision, value, previous } = change;
    const readable = (): Entry | undefined => previous && this.#readable(previous);
    return {
      key,
      revision,
      value: value && this.#decrypt(key, value),
      get previous() {
        return readable();
      },
    };
  }

  #decrypt(key: string, stored: Uint8Array): Uint8Array {
    const own = this.#plain.get(stored);
    if (own !== undefined) return own;
    const transformer = this.#transformerOf(key);
    if (transformer === undefined) return stored;
    try {
      return transformer.fromStorage(buffer(stored), key).value;
    } catch (err) {
      return unreadableValue(`unable to transform key ${JSON.stringify(key)}: ${messageOf(err)}`);
    }
  }

  #transformerOf(key: string): Transformer | undefined {
    const { group, resource } = groupResourceOfKey(resourceOfKey(key).resource);
    return this.#transformers(group, resource);
  }
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
