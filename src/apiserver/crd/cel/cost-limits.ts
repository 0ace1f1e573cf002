/** What the rules of a definition may cost in the worst case; upstream's static estimates. @module */
import { field, type StatusCause } from "#apimachinery";

/** Of one expression, times the objects it may be evaluated for. */
export const EXPRESSION_COST_MAX = 10_000_000;
/** Of all rules of a version. */
const SCHEMA_COST_MAX = 100_000_000;
/** The dearest rules are named, if they are dear. */
const NAMED_MAX = 4;
const NAMED_COST_MIN = SCHEMA_COST_MAX / 100;

export function costMessage(name: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown =
    factor > 100 ? "more than 100x" : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${name} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

/** Adds up what the rules of a schema cost. */
export class TotalCost {
  #total = 0;
  #dearest: readonly { readonly path: string; readonly cost: number }[] = [];

  observe(path: string, cost: number): void {
    this.#total += cost;
    if (cost < NAMED_COST_MIN) return;
    const all = [...this.#dearest, { path, cost }];
    this.#dearest = all.toSorted((a, b) => b.cost - a.cost).slice(0, NAMED_MAX);
  }

  causes(schemaPath: string): readonly StatusCause[] {
    if (this.#total <= SCHEMA_COST_MAX) return [];
    const why = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
    const name = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
    return [
      ...this.#dearest.map(({ path }) => field.forbidden(path, why)),
      field.forbidden(schemaPath, costMessage(name, this.#total, SCHEMA_COST_MAX)),
    ];
  }
}
