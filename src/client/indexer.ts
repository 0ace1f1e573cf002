/** Objects by key, and by the values of any number of indexes. @module */
import { controllerOf, keyOf, type KubeObject, type ObjectKey } from "#apimachinery";

export type IndexFunction<T> = (object: T) => readonly string[];

export const NAMESPACE_INDEX = "namespace";
/** uid of the owner with `controller: true`. */
export const CONTROLLER_UID_INDEX = "controllerUid";

interface Index<T> {
  readonly values: IndexFunction<T>;
  /** Value -> the objects found under it; no bucket is empty. */
  readonly buckets: Map<string, Map<ObjectKey, T>>;
}

const NONE: readonly string[] = [];

/** Bounded by the objects of the cluster. Every change keeps all indexes true. */
export class Indexer<T extends KubeObject> {
  readonly #objects = new Map<ObjectKey, T>();
  readonly #indexes = new Map<string, Index<T>>();

  constructor() {
    this.addIndex(NAMESPACE_INDEX, (object) => {
      const { namespace } = object.metadata;
      return namespace === undefined || namespace === "" ? NONE : [namespace];
    });
    this.addIndex(CONTROLLER_UID_INDEX, (object) => {
      const owner = controllerOf(object);
      return owner === undefined ? NONE : [owner.uid];
    });
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(key);
  }

  keys(): IterableIterator<ObjectKey> {
    return this.#objects.keys();
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  /** Throws a RangeError for an index that was never added. */
  byIndex(name: string, value: string): readonly T[] {
    const bucket = this.#index(name).buckets.get(value);
    return bucket === undefined ? [] : [...bucket.values()];
  }

  /** Objects that are here already are indexed at once. Throws a RangeError when the name is taken. */
  addIndex(name: string, values: IndexFunction<T>): void {
    if (this.#indexes.has(name)) throw new RangeError(`Index ${JSON.stringify(name)} exists already`);
    const index: Index<T> = { values, buckets: new Map() };
    for (const [key, object] of this.#objects) insert(index, key, object, values(object));
    this.#indexes.set(name, index);
  }

  set(object: T): void {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) {
      const values = index.values(object);
      if (old !== undefined) removeAll(index, key, index.values(old), values);
      insert(index, key, object, values);
    }
  }

  delete(key: ObjectKey): void {
    const old = this.#objects.get(key);
    if (old === undefined) return;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) removeAll(index, key, index.values(old), NONE);
  }

  #index(name: string): Index<T> {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new RangeError(`No index ${JSON.stringify(name)} was added`);
    return index;
  }
}

function insert<T>(index: Index<T>, key: ObjectKey, object: T, values: readonly string[]): void {
  for (const value of values) {
    const bucket = index.buckets.get(value);
    if (bucket === undefined) index.buckets.set(value, new Map([[key, object]]));
    else bucket.set(key, object);
  }
}

/** Takes `key` out of the buckets of `values`, but not out of those it is to `keep`. */
function removeAll<T>(
  index: Index<T>,
  key: ObjectKey,
  values: readonly string[],
  keep: readonly string[],
): void {
  for (const value of values) {
    if (keep.includes(value)) continue;
    const bucket = index.buckets.get(value);
    bucket?.delete(key);
    if (bucket?.size === 0) index.buckets.delete(value);
  }
}
