/** One revision of one object: its bytes, and lazily its parsed form, shared by all in-process readers. @module */
import {
  encodeMessage,
  StatusError,
  type JsonObject,
  type KubeObject,
  type StructSchema,
} from "#apimachinery";
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
  /** Without the resourceVersion: the very bytes that the store has in memory, so that they are there once. */
  readonly #stored: Uint8Array;
  /** Weak: objects live as long as some reader holds them, bytes as long as the cache does. */
  #object: WeakRef<KubeObject> | undefined;
  #protobuf: Uint8Array | undefined;
  #labels: Readonly<Record<string, string>> | undefined;
  #fields: Readonly<Record<string, string>> | undefined;

  constructor(key: string, revision: number, stored: Uint8Array, layout: ObjectLayout, object?: KubeObject) {
    this.key = key;
    this.revision = revision;
    this.layout = layout;
    this.#stored = stored;
    if (object !== undefined) this.#adopt(object);
  }

  /** An object of a dry run: it was never stored, so it has no resourceVersion. */
  static unstored(key: string, bytes: Uint8Array, layout: ObjectLayout): CachedObject {
    return new CachedObject(key, UNSTORED, bytes, layout);
  }

  get resourceVersion(): string {
    return String(this.revision);
  }

  /** Bytes without the resourceVersion: for bounds. */
  get size(): number {
    return this.#stored.length;
  }

  /** What is stored cannot be decrypted: `bytes` and `object` throw why. */
  get isUnreadable(): boolean {
    return isUnreadable(this.#stored);
  }

  checkReadable(): void {
    if (this.isUnreadable) throw unreadableError(this.#stored);
  }

  get namespace(): string {
    const slash = this.key.indexOf("/");
    return slash < 0 ? "" : this.key.slice(0, slash);
  }

  get name(): string {
    return this.key.slice(this.key.indexOf("/") + 1);
  }

  /** The object as JSON, with its resourceVersion: made for each caller, kept by none of them for long. */
  get bytes(): Uint8Array {
    const out = Buffer.allocUnsafe(this.byteLength);
    this.writeBytes(out, 0);
    return out;
  }

  /** The length of `bytes`. */
  get byteLength(): number {
    return this.#stored.length + insertedLength(this.revision);
  }

  /** Writes `bytes` into `out`, which has room for them behind `at`: nothing is left behind of a list of many. */
  writeBytes(out: Uint8Array, at: number): void {
    this.checkReadable();
    const { revision, layout } = this;
    // All of it goes to where its end belongs; then the beginning is written over what is there too much.
    out.set(this.#stored, at + insertedLength(revision));
    if (revision === UNSTORED) return;
    const head = layout.head.length > 0 ? layout.head : this.#stored.subarray(0, this.#headLength());
    out.set(head, at);
    writeResourceVersion(out, at + head.length, revision);
  }

  /** The object as a protobuf message without envelope, made when first asked for and then shared. `schema` is that of its stored kind. */
  protobuf(schema: StructSchema): Uint8Array {
    return (this.#protobuf ??= encodeMessage(this.object as unknown as JsonObject, schema));
  }

  /** The parsed object. Shared: never changed. */
  get object(): KubeObject {
    const held = this.#object?.deref();
    if (held !== undefined) return held;
    this.checkReadable();
    const object = parsed(this.key, this.#stored);
    // Nobody else has it yet.
    if (this.revision !== UNSTORED) Object.assign(object.metadata, { resourceVersion: this.resourceVersion });
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
    return Buffer.compare(this.#stored, stored) === 0;
  }

  /** The same state told at another revision: what a DELETED event carries. */
  at(revision: number): CachedObject {
    const held = this.#object?.deref();
    return new CachedObject(
      this.key,
      revision,
      this.#stored,
      this.layout,
      held && withResourceVersion(held, revision),
    );
  }

  /** The same state read through another layout. */
  as(layout: ObjectLayout): CachedObject {
    return new CachedObject(this.key, this.revision, this.#stored, layout, this.#object?.deref());
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

  /** Where the resourceVersion belongs. */
  #headLength(): number {
    const { buffer, byteOffset, length } = this.#stored;
    const start = Buffer.from(buffer, byteOffset, Math.min(length, HEAD_BYTES_MAX)).indexOf(METADATA);
    if (start < 0) throw new Error("a stored object has no metadata");
    return start + METADATA.length;
  }

  #adopt(object: KubeObject): KubeObject {
    if (this.layout.freeze) deepFreeze(object);
    this.#object = new WeakRef(object);
    this.#labels = object.metadata.labels ?? NO_LABELS;
    return object;
  }
}

/** The revision of what was never stored. */
const UNSTORED = 0;
const OPEN = Buffer.from(`"resourceVersion":"`);
const CLOSE = Buffer.from(`",`);
const ZERO = 0x30;
const METADATA = Buffer.from(`"metadata":{`);
/** `kind` and `apiVersion` are names of bounded length. */
const HEAD_BYTES_MAX = 1024;

/** A copy of `object` as of `revision`; the rest is shared. */
export function withResourceVersion(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

/** What stands in the bytes of an object for its resourceVersion: digits between these two. */
function insertedLength(revision: number): number {
  return revision === UNSTORED ? 0 : OPEN.length + digitsOf(revision) + CLOSE.length;
}

function digitsOf(revision: number): number {
  let digits = 1;
  for (let limit = 10; limit <= revision; limit *= 10) digits++;
  return digits;
}

/** A tenth of the cost of writing a string. */
function writeResourceVersion(out: Uint8Array, at: number, revision: number): void {
  out.set(OPEN, at);
  const end = at + OPEN.length + digitsOf(revision);
  for (let i = end - 1, rest = revision; i >= at + OPEN.length; i--) {
    const tenth = Math.floor(rest / 10);
    out[i] = ZERO + (rest - tenth * 10);
    rest = tenth;
  }
  out.set(CLOSE, end);
}

/** Frozen parts are skipped: writers share most of an object with its last revision. */
function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const child of Object.values(value)) deepFreeze(child);
}

/** What is damaged is told of without what is in it, which the parser's message would quote: it may be a Secret. */
function parsed(key: string, stored: Uint8Array): KubeObject {
  try {
    return JSON.parse(decoder.decode(stored)) as KubeObject;
  } catch {
    const why = `Internal error occurred: the stored object ${JSON.stringify(key)} cannot be decoded`;
    throw new StatusError("InternalError", why);
  }
}
