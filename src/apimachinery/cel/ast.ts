/** The tree of an expression: what the parser makes, the checker completes and the planner runs. @module */
import type { CelType } from "./types.ts";
import type { CelValue } from "./values.ts";

interface Node {
  /** Where it stands in the source, in code points. */
  readonly pos: number;
  /** Set by the checker. */
  type?: CelType;
}

export interface Literal extends Node {
  readonly op: "literal";
  readonly value: CelValue;
}

export interface Ident extends Node {
  readonly op: "ident";
  readonly name: string;
}

export interface Select extends Node {
  readonly op: "select";
  readonly operand: Expr;
  readonly field: string;
  /** `has(operand.field)`. */
  readonly isTest: boolean;
}

export interface Call extends Node {
  readonly op: "call";
  /** The checker makes one name of `sets.contains`, and then there is no target. */
  fn: string;
  target: Expr | undefined;
  readonly args: readonly Expr[];
  /** Ids of the overloads that the types leave; set by the checker. */
  overloads: readonly string[];
}

export interface ListExpr extends Node {
  readonly op: "list";
  readonly items: readonly Expr[];
  /** Indices of `?item`. */
  readonly optional: ReadonlySet<number>;
}

export interface MapEntry {
  readonly key: Expr;
  readonly value: Expr;
  readonly isOptional: boolean;
}

export interface MapExpr extends Node {
  readonly op: "map";
  readonly entries: readonly MapEntry[];
}

export interface StructField {
  readonly pos: number;
  readonly name: string;
  readonly value: Expr;
  readonly isOptional: boolean;
}

export interface StructExpr extends Node {
  readonly op: "struct";
  readonly typeName: string;
  readonly fields: readonly StructField[];
}

/** A fold over a list or map: what the macros become. */
export interface Comprehension extends Node {
  readonly op: "comprehension";
  readonly range: Expr;
  readonly iterVar: string;
  readonly iterVar2: string | undefined;
  readonly accuVar: string;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

export type Expr = Literal | Ident | Select | Call | ListExpr | MapExpr | StructExpr | Comprehension;

/** What the macros accumulate in; no identifier of a user can be it. */
export const ACCUMULATOR = "@result";

export const literal = (pos: number, value: CelValue): Literal => ({ op: "literal", pos, value });
export const ident = (pos: number, name: string): Ident => ({ op: "ident", pos, name });
export const list = (pos: number, items: readonly Expr[]): ListExpr => ({
  op: "list",
  pos,
  items,
  optional: new Set(),
});
export const call = (pos: number, fn: string, args: readonly Expr[], target?: Expr): Call => ({
  op: "call",
  pos,
  fn,
  target,
  args,
  overloads: [],
});

/** `a.b.c`, when an expression is nothing but that. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.op === "ident") return expr.name;
  if (expr.op !== "select" || expr.isTest) return undefined;
  const operand = qualifiedName(expr.operand);
  return operand === undefined ? undefined : `${operand}.${expr.field}`;
}

export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.op) {
    case "literal":
    case "ident":
      return [];
    case "select":
      return [expr.operand];
    case "call":
      return expr.target === undefined ? expr.args : [expr.target, ...expr.args];
    case "list":
      return expr.items;
    case "map":
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case "struct":
      return expr.fields.map(({ value }) => value);
    case "comprehension":
    default:
      return [expr.range, expr.init, expr.condition, expr.step, expr.result];
  }
}
