/**
 * JSON Patch (RFC 6902) as the API server applies it, including the liberties of the library upstream uses: negative
 * indices count from the end, and "replace" of an absent member adds it.
 * @module
 */
import { isJsonObject, jsonEqual, own, put, type MutableJsonObject } from "../json.ts";
import { quote } from "../quote.ts";
import { badPatch, patchDoesNotApply, patchTooLarge } from "./errors.ts";

/** Operations one patch may have. */
export const JSON_PATCH_OPERATIONS_MAX = 10_000;
/** Characters that "copy" may add in one patch. */
export const JSON_PATCH_COPY_SIZE_MAX = 3_145_728;

interface Operation {
  readonly op?: unknown;
  readonly path?: unknown;
  readonly from?: unknown;
  readonly value?: unknown;
}

type Container = MutableJsonObject | unknown[];

/**
 * The document after all operations; `document` itself is not changed and shares what stayed the same. Throws
 * `StatusError`: BadRequest when `patch` is no patch, RequestEntityTooLarge, Invalid when an operation does not apply.
 */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  const application = new Application(document);
  for (const operation of checkedOperations(patch)) application.apply(operation);
  return application.document;
}

/** What strict field validation says of members that an operation does not have. */
export function findUnknownPatchFields(patch: unknown): readonly string[] {
  if (!Array.isArray(patch)) return [];
  return patch.filter(isJsonObject).flatMap((operation, i) =>
    Object.keys(operation)
      .filter((key) => !["op", "path", "from", "value"].includes(key))
      .map((key) => `json patch unknown field ${quote(`[${i}].${key}`)}`),
  );
}

function checkedOperations(patch: unknown): readonly Operation[] {
  if (!Array.isArray(patch) || !patch.every(isJsonObject)) {
    throw badPatch("json: cannot unmarshal value into Go value of type jsonpatch.Patch");
  }
  if (patch.length > JSON_PATCH_OPERATIONS_MAX) {
    throw patchTooLarge(
      `The allowed maximum operations in a JSON patch is ${JSON_PATCH_OPERATIONS_MAX}, got ${patch.length}`,
    );
  }
  return patch;
}

class Application {
  document: unknown;
  /** Containers made by this patch: nobody else sees them yet, so they may change in place. */
  readonly #owned = new WeakSet<object>();
  #copied = 0;

  constructor(document: unknown) {
    this.document = document;
  }

  apply(operation: Operation): void {
    const kind = typeof operation.op === "string" ? operation.op : "unknown";
    const path = pathOf(operation, "path", kind);
    switch (kind) {
      case "add":
        return this.#add(path, valueOf(operation), "add");
      case "remove":
        this.#remove(path, "remove");
        return;
      case "replace":
        return this.#replace(path, valueOf(operation));
      case "move":
        return this.#move(pathOf(operation, "from", kind), path);
      case "copy":
        return this.#copy(pathOf(operation, "from", kind), path);
      case "test":
        return this.#test(path, valueOf(operation));
      default:
        throw patchDoesNotApply(`Unexpected kind: ${kind}`);
    }
  }

  #add(path: string, value: unknown, kind: string): void {
    const [container, key] = this.#writable(path, kind);
    if (!Array.isArray(container)) return put(container, key, value);
    if (key === "-") {
      container.push(value);
      return;
    }
    container.splice(indexIn(key, container.length + 1), 0, value);
  }

  #remove(path: string, kind: string): unknown {
    const [container, key] = this.#writable(path, kind);
    if (Array.isArray(container)) return container.splice(indexIn(key, container.length), 1)[0];
    if (!Object.hasOwn(container, key)) {
      throw patchDoesNotApply(
        `error in ${kind} for path: '${path}': Unable to remove nonexistent key: ${key}`,
      );
    }
    const value = container[key];
    delete container[key];
    return value;
  }

  #replace(path: string, value: unknown): void {
    if (path === "") {
      if (typeof value !== "object" || value === null) {
        throw patchDoesNotApply("replace operation value must be object or array");
      }
      this.document = value;
      return;
    }
    const [container, key] = this.#writable(path, "replace");
    if (Array.isArray(container)) container[indexIn(key, container.length)] = value;
    else put(container, key, value);
  }

  #move(from: string, path: string): void {
    this.#add(path, this.#remove(from, "move"), "move");
  }

  #copy(from: string, path: string): void {
    const text = JSON.stringify(this.#read(from, "copy") ?? null);
    this.#copied += text.length;
    if (this.#copied > JSON_PATCH_COPY_SIZE_MAX) {
      throw patchDoesNotApply(
        `Unable to complete the copy, the accumulated size increase of copy is ${this.#copied}, exceeding the limit ${JSON_PATCH_COPY_SIZE_MAX}`,
      );
    }
    this.#add(path, JSON.parse(text), "copy");
  }

  #test(path: string, value: unknown): void {
    const found = path === "" ? this.document : this.#read(path, "test");
    if (!jsonEqual(found ?? null, value))
      throw patchDoesNotApply(`testing value ${path} failed: test failed`);
  }

  #read(path: string, kind: string): unknown {
    const keys = keysOf(path);
    let value: unknown = keys === undefined ? undefined : this.document;
    for (const [i, key] of (keys ?? []).entries()) {
      if (typeof value !== "object" || value === null) throw missing(kind, path);
      if (Array.isArray(value)) value = value[indexIn(key, value.length)];
      else value = own(value as MutableJsonObject, key);
      if (value === undefined && i < keys!.length - 1) throw missing(kind, path);
    }
    if (keys === undefined) throw missing(kind, path);
    return value;
  }

  /** The container that `path` ends in, made writable together with everything above it. */
  #writable(path: string, kind: string): readonly [Container, string] {
    const keys = keysOf(path);
    if (keys === undefined) throw missing(kind, path);
    let container = this.#own(this.document, kind, path);
    this.document = container;
    for (const key of keys.slice(0, -1)) {
      const index = Array.isArray(container) ? indexIn(key, container.length) : key;
      const child = this.#own(
        Array.isArray(container) ? container[index as number] : own(container, key),
        kind,
        path,
      );
      if (Array.isArray(container)) container[index as number] = child;
      else put(container, key, child);
      container = child;
    }
    return [container, keys.at(-1)!];
  }

  #own(value: unknown, kind: string, path: string): Container {
    if (typeof value !== "object" || value === null) throw missing(kind, path);
    if (this.#owned.has(value)) return value as Container;
    const copy: Container = Array.isArray(value)
      ? [...(value as unknown[])]
      : { ...(value as MutableJsonObject) };
    this.#owned.add(copy);
    return copy;
  }
}

/** undefined: no member can have this path. */
function keysOf(path: string): readonly string[] | undefined {
  const parts = path.split("/");
  if (parts.length < 2) return undefined;
  return parts.slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function indexIn(key: string, length: number): number {
  if (!/^[-+]?[0-9]+$/.test(key)) throw patchDoesNotApply(`value was not a proper array index: '${key}'`);
  const index = Number(key);
  if (index >= length || index < -length) throw patchDoesNotApply(`Unable to access invalid index: ${index}`);
  return index < 0 ? index + length : index;
}

function pathOf(operation: Operation, name: "path" | "from", kind: string): string {
  const value = operation[name];
  if (typeof value === "string") return value;
  throw patchDoesNotApply(`${kind} operation failed to decode ${name}: missing value`);
}

function valueOf(operation: Operation): unknown {
  return operation.value === undefined ? null : operation.value;
}

function missing(kind: string, path: string): Error {
  return patchDoesNotApply(`${kind} operation does not apply: doc is missing path: "${path}": missing value`);
}
