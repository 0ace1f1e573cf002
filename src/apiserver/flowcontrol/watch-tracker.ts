/** Counts watches by what they watch, to know how many a write will wake. @module */
import { fields } from "#apimachinery";
import type { RequestInfo } from "../http/request-info.ts";

/** The field by which watches are found without asking each; who names a value sees few of the changes. */
const INDEXED: Readonly<Record<string, string>> = { pods: "spec.nodeName" };

export class WatchTracker {
  readonly #counts = new Map<string, number>();

  /** Returns what forgets the watch. */
  register(info: RequestInfo, query: URLSearchParams): () => void {
    const indexed = INDEXED[info.resource];
    if (indexed !== undefined && hasValue(query.get("fieldSelector") ?? "", indexed)) return () => {};
    const key = keyOf(info, info.namespace, info.name);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return () => {
      const left = this.#counts.get(key)! - 1;
      if (left === 0) this.#counts.delete(key);
      else this.#counts.set(key, left);
    };
  }

  /** Watches of all objects of the resource, of those of the namespace, and of the object itself. */
  interested(info: RequestInfo): number {
    if (this.#counts.size === 0) return 0;
    const { namespace, name } = info;
    const of = (inNamespace: string, named: string): number =>
      this.#counts.get(keyOf(info, inNamespace, named)) ?? 0;
    return of("", "") + (namespace === "" ? 0 : of(namespace, "")) + (name === "" ? 0 : of(namespace, name));
  }
}

function keyOf({ group, resource }: RequestInfo, namespace: string, name: string): string {
  return `${group}/${resource}/${namespace}/${name}`;
}

function hasValue(selector: string, path: string): boolean {
  if (!selector.includes(path)) return false;
  const value = fields.requiresExactMatch(fields.parse(selector), path);
  return value !== undefined && value !== "";
}
