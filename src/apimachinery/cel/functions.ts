/** Functions: what they are called, what they take and give, and what they do. @module */
import { parseSignature } from "./type-text.ts";
import type { CelType } from "./types.ts";
import type { CelValue } from "./values.ts";

export type Run = (...args: readonly never[]) => CelValue;

export interface Overload {
  readonly id: string;
  readonly args: readonly CelType[];
  readonly result: CelType;
  readonly isMember: boolean;
  readonly run: (...args: readonly CelValue[]) => CelValue;
}

export interface Declaration {
  readonly name: string;
  readonly overload: Overload;
}

/** `fn("size", "size_string", "(string): int", (text: string) => …)`; a target stands before the brackets. */
export function fn(name: string, id: string, signature: string, run: Run): Declaration {
  return { name, overload: { id, ...parseSignature(signature), run: run as unknown as Overload["run"] } };
}

/** One implementation under several signatures; the ids follow the signatures. */
export function fns(
  name: string,
  run: Run,
  overloads: Readonly<Record<string, string>>,
): readonly Declaration[] {
  return Object.entries(overloads).map(([id, signature]) => fn(name, id, signature, run));
}

export class Functions {
  readonly #byName = new Map<string, readonly Overload[]>();

  constructor(declarations: Iterable<Declaration>) {
    for (const { name, overload } of declarations) {
      this.#byName.set(name, [...(this.#byName.get(name) ?? []), overload]);
    }
  }

  get(name: string): readonly Overload[] | undefined {
    return this.#byName.get(name);
  }
}
