/** The object that results when a configuration is laid over another; nothing is removed. @module */
import { isJsonObject, own, put, type MutableJsonObject } from "../json.ts";
import type { ListSchema, Schema } from "../schema.ts";
import { itemElements, schemaOfField, shapeOf } from "./shape.ts";

/** `applied` wins where both have a leaf. Shares with both what it takes from them. */
export function merge(live: unknown, applied: unknown, schema: Schema | undefined): unknown {
  if (applied === undefined || live === applied) return live;
  if (live === undefined) return withoutNulls(applied);
  const shape = shapeOf(schema, live, applied);
  if (shape.kind === "leaf") return applied;
  if (shape.kind === "list") return mergeItems(live, applied, shape.schema);
  return mergeFields(live, applied, schema);
}

/** An explicit null leaves a map as it is, and clears a leaf. */
function mergeFields(live: unknown, applied: unknown, schema: Schema | undefined): unknown {
  if (!isJsonObject(applied)) return live;
  if (!isJsonObject(live)) return applied;
  const out: MutableJsonObject = { ...live };
  for (const [key, value] of Object.entries(applied)) {
    const merged = merge(own(live, key), value, schemaOfField(schema, key));
    if (merged === null) delete out[key];
    else put(out, key, merged);
  }
  return out;
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isJsonObject(value)) return value;
  const out: MutableJsonObject = {};
  for (const [key, child] of Object.entries(value)) if (child !== null) put(out, key, withoutNulls(child));
  return out;
}

/**
 * Items of both, in an order that keeps the live one where the configuration does not contradict it: live items that
 * the configuration does not name stay in front of the next one that both have.
 */
function mergeItems(live: unknown, applied: unknown, schema: ListSchema): unknown {
  if (!Array.isArray(applied)) return live;
  if (!Array.isArray(live)) return applied;
  const left = itemElements(live, schema);
  const right = itemElements(applied, schema);
  if (left === undefined || right === undefined) return applied;
  const merging = new ListMerge(live, left, applied, right, schema);
  return merging.run();
}

class ListMerge {
  readonly #out: unknown[] = [];
  readonly #live: readonly unknown[];
  readonly #left: readonly string[];
  readonly #right: readonly string[];
  readonly #schema: ListSchema;
  /** Twins are not merged: undefined stands for them. */
  readonly #liveByElement: ReadonlyMap<string, unknown>;
  readonly #appliedByElement: ReadonlyMap<string, unknown>;
  readonly #shared: string[];
  readonly #done = new Set<string>();

  constructor(
    live: readonly unknown[],
    left: readonly string[],
    applied: readonly unknown[],
    right: readonly string[],
    schema: ListSchema,
  ) {
    this.#live = live;
    this.#left = left;
    this.#right = right;
    this.#schema = schema;
    const byElement = new Map<string, unknown>();
    for (const [i, element] of left.entries())
      byElement.set(element, byElement.has(element) ? undefined : live[i]);
    this.#liveByElement = byElement;
    this.#appliedByElement = new Map(right.map((element, i) => [element, applied[i]]));
    this.#shared = right.filter((element) => byElement.has(element));
  }

  run(): readonly unknown[] {
    let l = 0;
    let r = 0;
    while (l < this.#left.length || r < this.#right.length) {
      const left = this.#left[l];
      const right = this.#right[r];
      if (left !== undefined && left === right) {
        this.#take(right);
        l++;
        r++;
      } else if (left !== undefined && right !== undefined && this.#isOutOfTurn(left)) {
        l++;
      } else if (left !== undefined && !this.#appliedByElement.has(left)) {
        this.#out.push(this.#live[l++]);
      } else {
        if (left !== undefined && this.#done.has(left)) l++;
        if (right !== undefined) {
          this.#take(right);
          r++;
        }
      }
    }
    return this.#out;
  }

  /** A live item that both have, but whose turn in the configuration's order has not come. */
  #isOutOfTurn(element: string): boolean {
    return this.#appliedByElement.has(element) && this.#shared.length > 0 && this.#shared[0] !== element;
  }

  #take(element: string): void {
    const item = merge(
      this.#liveByElement.get(element),
      this.#appliedByElement.get(element),
      this.#schema.items,
    );
    this.#out.push(item);
    this.#done.add(element);
    if (this.#shared[0] === element) this.#shared.shift();
  }
}
