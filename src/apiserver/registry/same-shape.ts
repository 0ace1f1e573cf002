/** Whether two objects have the same fields, whatever their values: then they have the same field set. Pure. @module */
import { childSchema, isJsonObject, type ListSchema, type Schema } from "#apimachinery";

/** Conservative: false only costs time. */
export function isSameShape(a: unknown, b: unknown, schema: Schema | undefined): boolean {
  if (isJsonObject(a)) {
    if (!isJsonObject(b)) return false;
    const isAtomic =
      schema === undefined ||
      schema.type === "untyped" ||
      ((schema.type === "struct" || schema.type === "map") && schema.mapType === "atomic");
    if (isAtomic) return (countKeys(a) === 0) === (countKeys(b) === 0);
    const keys = Object.keys(a);
    if (keys.length !== countKeys(b)) return false;
    for (const key of keys) {
      if (!Object.hasOwn(b, key)) return false;
      const [x, y] = [a[key], b[key]];
      // Leaves, by far the most, need no schema.
      if (typeof x !== "object" && typeof y !== "object") continue;
      if (!isSameShape(x, y, childSchema(schema, key))) return false;
    }
    return true;
  }
  if (Array.isArray(a)) return Array.isArray(b) && isSameList(a, b, schema);
  return (a === null) === (b === null) && !isJsonObject(b) && !Array.isArray(b);
}

function countKeys(object: object): number {
  return Object.keys(object).length;
}

function isSameList(a: readonly unknown[], b: readonly unknown[], schema: Schema | undefined): boolean {
  const list: ListSchema | undefined = schema?.type === "list" ? schema : undefined;
  const kind = list?.listType ?? "atomic";
  if (kind === "atomic") return (a.length === 0) === (b.length === 0);
  if (a.length !== b.length) return false;
  if (kind === "set") return a.every((item, i) => item === b[i]);
  const keys = list?.listMapKeys ?? [];
  return a.every((item, i) => {
    const other = b[i];
    if (!isJsonObject(item) || !isJsonObject(other)) return false;
    return keys.every((key) => item[key] === other[key]) && isSameShape(item, other, list?.items);
  });
}
