/** One revision of one object: its bytes as every client gets them, and lazily its parsed form, shared by all in-process readers. @module */
import { encodeMessage, type JsonObject, type KubeObject, type StructSchema } from "#apimachinery";

import { isUnreadable, unreadableError } from "./unreadable.ts";

/** What the cache must know of a resource to read its objects. */
export interface ObjectLayout {
  /**
   * `{"kind":"Pod","apiVersion":"v1","metadata":{`: how stored bytes begin, so that the resourceVersion can be spliced in
   * after it. Empty: objects begin differently (they are stored in several versions), so each is looked into.
   */
  readonly head: Uint8Array;
  /** Field selectors besides `metadata.name` and `metadata.namespace`. */
  readonly selectableFields: Readonly<Record<string, (object: KubeObject) => string>>;
  /** Freezes parsed objects deeply. */
  readonly freeze: boolean;
}

const decoder = new TextDecoder();
const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});

export class CachedObject {
  /** The key within the resource: `namespace/name`, or `name`. */
  readonly key: string;
  readonly revision: number;
  readonly layout: ObjectLayout;
  /** Stored bytes until first read, then the spliced ones: never both, memory is per object. */
  #data: Uint8Array;
  #isSpliced = false;
  /** Weak: objects live as long as some reader holds them, bytes as long as the cache does. */
  #object: WeakRef<KubeObject> | undefined;
  #protobuf: Uint8Array | undefined;
  #labels: Readonly<Record<string, string>> | undefined;
  #fields: Readonly<Record<string, string>> | undefined;

  constructor(key: string, revision: number, stored: Uint8Array, layout: ObjectLayout, object?: KubeObject) {
    this.key = key;
    this.revision = revision;
    this.layout = layout;
    this.#data = stored;
    if (object !== undefined) this.#adopt(object);
  }

  /** An object of a dry run: it was never stored, so it has no resourceVersion. */
  static unstored(key: string, bytes: Uint8Array, layout: ObjectLayout): CachedObject {
    const object = new CachedObject(key, 0, bytes, layout);
    object.#isSpliced = true;
    return object;
  }

  get resourceVersion(): string {
    return String(this.revision);
  }

  /** Bytes, with or without the resourceVersion: for bounds. */
  get size(): number {
    return this.#data.length;
  }

  /** What is stored cannot be decrypted: `bytes` and `object` throw why. */
  get isUnreadable(): boolean {
    return isUnreadable(this.#data);
  }

  checkReadable(): void {
    if (this.isUnreadable) throw unreadableError(this.#data);
  }

  get namespace(): string {
    const slash = this.key.indexOf("/");
    return slash < 0 ? "" : this.key.slice(0, slash);
  }

  get name(): string {
    return this.key.slice(this.key.indexOf("/") + 1);
  }

  /** The object as JSON, with its resourceVersion. Shared: never written to. */
  get bytes(): Uint8Array {
    this.checkReadable();
    if (!this.#isSpliced) {
      this.#data = splice(this.#data, headLength(this.layout, this.#data), this.revision);
      this.#isSpliced = true;
    }
    return this.#data;
  }

  /** The object as a protobuf message without envelope, made when first asked for and then shared. `schema` is that of its stored kind. */
  protobuf(schema: StructSchema): Uint8Array {
    return (this.#protobuf ??= encodeMessage(this.object as unknown as JsonObject, schema));
  }

  /** The parsed object. Shared: never changed. */
  get object(): KubeObject {
    const held = this.#object?.deref();
    if (held !== undefined) return held;
    const object = JSON.parse(decoder.decode(this.bytes)) as KubeObject;
    return this.#adopt(object);
  }

  get labels(): Readonly<Record<string, string>> {
    return (this.#labels ??= this.object.metadata.labels ?? NO_LABELS);
  }

  /** Values of all selectable fields. */
  get fields(): Readonly<Record<string, string>> {
    return (this.#fields ??= this.#readFields());
  }

  /** True if `stored` (bytes without resourceVersion) is what this object is stored as. */
  isStoredAs(stored: Uint8Array): boolean {
    if (!this.#isSpliced) return Buffer.compare(this.#data, stored) === 0;
    const length = headLength(this.layout, stored);
    const inserted = this.#data.length - stored.length;
    if (inserted !== resourceVersionText(this.revision).length) return false;
    return (
      Buffer.compare(this.#data.subarray(0, length), stored.subarray(0, length)) === 0 &&
      Buffer.compare(this.#data.subarray(length + inserted), stored.subarray(length)) === 0
    );
  }

  /** The same state told at another revision: what a DELETED event carries. */
  at(revision: number): CachedObject {
    const held = this.#object?.deref();
    return new CachedObject(
      this.key,
      revision,
      this.#stored(),
      this.layout,
      held && withResourceVersion(held, revision),
    );
  }

  /** The same state read through another layout. */
  as(layout: ObjectLayout): CachedObject {
    return new CachedObject(this.key, this.revision, this.#stored(), layout, this.#object?.deref());
  }

  #stored(): Uint8Array {
    if (this.isUnreadable) return this.#data;
    if (!this.#isSpliced) return this.#data;
    return unsplice(this.#data, headLength(this.layout, this.#data), this.revision);
  }

  #readFields(): Readonly<Record<string, string>> {
    const fields: Record<string, string> = {
      "metadata.name": this.name,
      "metadata.namespace": this.namespace,
    };
    if (this.isUnreadable) return fields;
    for (const path in this.layout.selectableFields) {
      fields[path] = this.layout.selectableFields[path]!(this.object);
    }
    return fields;
  }

  #adopt(object: KubeObject): KubeObject {
    if (this.layout.freeze) deepFreeze(object);
    this.#object = new WeakRef(object);
    this.#labels = object.metadata.labels ?? NO_LABELS;
    return object;
  }
}

const METADATA = Buffer.from(`"metadata":{`);
/** `kind` and `apiVersion` are names of bounded length. */
const HEAD_BYTES_MAX = 1024;

function headLength({ head }: ObjectLayout, bytes: Uint8Array): number {
  if (head.length > 0) return head.length;
  const { buffer, byteOffset, length } = bytes;
  const start = Buffer.from(buffer, byteOffset, Math.min(length, HEAD_BYTES_MAX)).indexOf(METADATA);
  if (start < 0) throw new Error("a stored object has no metadata");
  return start + METADATA.length;
}

/** A copy of `object` as of `revision`; the rest is shared. */
export function withResourceVersion(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

function resourceVersionText(revision: number): string {
  return `"resourceVersion":"${revision}",`;
}

/** 0.9 µs for a pod of 3 KB: never stringify to change one field. */
function splice(stored: Uint8Array, at: number, revision: number): Uint8Array {
  const text = resourceVersionText(revision);
  const out = Buffer.allocUnsafe(stored.length + text.length);
  out.set(at === stored.length ? stored : stored.subarray(0, at), 0);
  out.write(text, at, "latin1");
  out.set(stored.subarray(at), at + text.length);
  return out;
}

function unsplice(spliced: Uint8Array, at: number, revision: number): Uint8Array {
  const { length } = resourceVersionText(revision);
  return Buffer.concat([spliced.subarray(0, at), spliced.subarray(at + length)]);
}

/** Frozen parts are skipped: writers share most of an object with its last revision. */
function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const child of Object.values(value)) deepFreeze(child);
}
