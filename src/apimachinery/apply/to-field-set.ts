/** The fields that a configuration mentions: what its applier comes to own. @module */
import { isJsonObject, type MutableJsonObject } from "../json.ts";
import type { ListSchema, Schema } from "../schema.ts";
import { EMPTY_SET, nodeOf, type FieldSet } from "./field-set.ts";
import { fieldElement, isDeclared, itemElements, schemaOfField, shapeOf } from "./shape.ts";

/** Every leaf, every list item, every key of a map, and empty objects. */
export function toFieldSet(value: unknown, schema: Schema | undefined): FieldSet {
  return visit(value, schema).children;
}

interface Visited {
  readonly isSelf: boolean;
  readonly children: FieldSet;
}

const LEAF: Visited = { isSelf: true, children: EMPTY_SET };

function visit(value: unknown, schema: Schema | undefined): Visited {
  const shape = shapeOf(schema, value);
  if (shape.kind === "leaf") return LEAF;
  if (shape.kind === "list") return visitItems(Array.isArray(value) ? value : [], shape.schema);
  return visitFields(value, schema);
}

function visitFields(value: unknown, schema: Schema | undefined): Visited {
  const children: MutableJsonObject = {};
  if (!isJsonObject(value)) return { isSelf: false, children };
  for (const [key, child] of Object.entries(value)) {
    if (child === undefined) continue;
    const visited = visit(child, schemaOfField(schema, key));
    const isEmpty = child === null || (isJsonObject(child) && Object.keys(child).length === 0);
    const node = nodeOf(visited.isSelf || isEmpty || !isDeclared(schema, key), visited.children);
    if (node !== undefined) children[fieldElement(key)] = node;
  }
  return { isSelf: false, children };
}

/** Items that occur twice are owned as one, without what is in them. */
function visitItems(items: readonly unknown[], schema: ListSchema): Visited {
  const elements = itemElements(items, schema);
  if (elements === undefined) return LEAF;
  const children: MutableJsonObject = {};
  for (const [i, element] of elements.entries()) {
    const isTwin = Object.hasOwn(children, element);
    const below = isTwin ? EMPTY_SET : visit(items[i], schema.items).children;
    children[element] = nodeOf(true, below);
  }
  return { isSelf: false, children };
}

/** The set with all its struct fields as members, also those that only have members below them. */
export function withNamedFields(set: FieldSet, schema: Schema | undefined): FieldSet {
  const out: MutableJsonObject = {};
  for (const [element, node] of Object.entries(set) as [string, FieldSet][]) {
    if (element === ".") continue;
    const { ".": self, ...children } = node;
    const isField = element.startsWith("f:");
    const key = element.slice(2);
    const inner = isField ? schemaOfField(schema, key) : schema?.type === "list" ? schema.items : undefined;
    const isSelf =
      self !== undefined || Object.keys(children).length === 0 || (isField && isDeclared(schema, key));
    out[element] = nodeOf(isSelf, withNamedFields(children, inner));
  }
  return out;
}
