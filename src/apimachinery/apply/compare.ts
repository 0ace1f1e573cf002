/** What changed between two objects, as sets of fields. Subtrees that both share are not looked at. @module */
import { isJsonObject, jsonEqual, own, type JsonObject } from "../json.ts";
import type { ListSchema, Schema } from "../schema.ts";
import { recursiveDifference, SetBuilder, union, isEmptySet, type FieldSet } from "./field-set.ts";
import { alwaysPresent, fieldElement, itemElements, schemaOfField, shapeOf } from "./shape.ts";

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** From `old` to `current`; undefined stands for an object that is not there. */
export function compare(old: unknown, current: unknown, schema: Schema | undefined): Comparison {
  const walk = new Walk();
  walk.values(old, current, schema, []);
  return { added: walk.added.set, modified: walk.modified.set, removed: walk.removed.set };
}

/** Without the fields in `excluded` and what is below them. */
export function excludeFields(comparison: Comparison, excluded: FieldSet): Comparison {
  if (isEmptySet(excluded)) return comparison;
  return {
    added: recursiveDifference(comparison.added, excluded),
    modified: recursiveDifference(comparison.modified, excluded),
    removed: recursiveDifference(comparison.removed, excluded),
  };
}

/** Fields whose value the change set. */
export function changedFields(comparison: Comparison): FieldSet {
  return union(comparison.modified, comparison.added);
}

const EMPTY: JsonObject = {};

class Walk {
  readonly added = new SetBuilder();
  readonly modified = new SetBuilder();
  readonly removed = new SetBuilder();

  values(old: unknown, current: unknown, schema: Schema | undefined, path: readonly string[]): void {
    if (old === current) return;
    const shape = shapeOf(schema, old, current);
    if (shape.kind === "leaf" || (isVoid(old) && isVoid(current))) return this.#leaf(old, current, path);
    if (shape.kind === "list") {
      if (!this.#items(listOf(old), listOf(current), shape.schema, path))
        return this.#leaf(old, current, path);
    } else this.#fields(old, current, schema, path);
    if (old === undefined) this.#note(this.added, path);
    else if (current === undefined) this.#note(this.removed, path);
  }

  #leaf(old: unknown, current: unknown, path: readonly string[]): void {
    if (old === undefined) this.#note(this.added, path);
    else if (current === undefined) this.#note(this.removed, path);
    else if (!jsonEqual(old, current)) this.#note(this.modified, path);
  }

  /** The object as a whole is never owned. */
  #note(set: SetBuilder, path: readonly string[]): void {
    if (path.length > 0) set.insert(path);
  }

  #fields(old: unknown, current: unknown, schema: Schema | undefined, path: readonly string[]): void {
    const before = isJsonObject(old) ? old : EMPTY;
    const after = isJsonObject(current) ? current : EMPTY;
    const structs = alwaysPresent(schema);
    const value = (side: unknown, object: JsonObject, key: string): unknown =>
      own(object, key) ?? (isJsonObject(side) && structs.includes(key) ? EMPTY : undefined);
    const keys = new Set([...Object.keys(before), ...Object.keys(after), ...structs]);
    for (const key of keys) {
      const [was, is] = [value(old, before, key), value(current, after, key)];
      if (was !== is) this.values(was, is, schemaOfField(schema, key), [...path, fieldElement(key)]);
    }
  }

  /** False when the items cannot be identified, so that the list is compared as a whole. */
  #items(
    old: readonly unknown[],
    current: readonly unknown[],
    schema: ListSchema,
    path: readonly string[],
  ): boolean {
    const before = group(old, schema);
    const after = group(current, schema);
    if (before === undefined || after === undefined) return false;
    for (const element of new Set([...before.keys(), ...after.keys()])) {
      this.#item(before.get(element) ?? [], after.get(element) ?? [], schema, [...path, element]);
    }
    return true;
  }

  /** Items that occur more than once are compared together, as one leaf. */
  #item(
    old: readonly unknown[],
    current: readonly unknown[],
    schema: ListSchema,
    path: readonly string[],
  ): void {
    if (old.length <= 1 && current.length <= 1) return this.values(old[0], current[0], schema.items, path);
    if (old.length >= 2 && current.length >= 2) {
      if (!jsonEqual(old, current)) this.modified.insert(path);
    } else if (old.length >= 2) {
      this.values(undefined, current[0], schema.items, path);
      this.removed.insert(path);
    } else {
      this.values(old[0], undefined, schema.items, path);
      this.added.insert(path);
    }
  }
}

function isVoid(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function group(
  items: readonly unknown[],
  schema: ListSchema,
): ReadonlyMap<string, readonly unknown[]> | undefined {
  const elements = itemElements(items, schema);
  return elements && Map.groupBy(items, (_, i) => elements[i]!);
}
