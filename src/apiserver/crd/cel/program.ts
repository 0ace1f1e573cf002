/** Expressions: parsed, checked against the types, and evaluated within a budget. @module */
import type { Environment } from "@marcbachmann/cel-js";
import { CelObject } from "./equal.ts";
import { CostExceeded, type Budget } from "./budget.ts";
import { hasMacro } from "./has.ts";
import { MATCHES } from "./library-strings.ts";

export interface Program {
  readonly usesOldSelf: boolean;
  /** Throws what evaluation throws, and CostExceeded. */
  readonly run: (variables: Readonly<Record<string, unknown>>, budget: Budget) => unknown;
}

/** An expression that is none, in words that name its place. */
export class CompileError extends Error {}

/** Throws CompileError. `expected` is the type of the result; "dyn" takes all. */
export function compile(env: Environment, source: string, expected: "bool" | "string" | "dyn"): Program {
  let parsed: ReturnType<Environment["parse"]>;
  try {
    parsed = env.parse(source);
  } catch (cause) {
    throw new CompileError(`compilation failed: ${said(cause)}`, { cause });
  }
  for (const node of nodesOf(parsed.ast)) useOwn(node);
  const checked = parsed.check();
  if (!checked.valid) {
    throw new CompileError(`compilation failed: ${said(checked.error)}`, { cause: checked.error });
  }
  if (expected !== "dyn" && checked.type !== expected && checked.type !== "dyn") {
    throw new CompileError(`must evaluate to a ${expected}`);
  }
  // Checking adds nodes.
  const nodes = nodesOf(parsed.ast);
  const meter: Meter = { budget: undefined };
  for (const node of nodes) count(node, meter);
  return {
    usesOldSelf: nodes.some((node) => node.op === "id" && node.args === "oldSelf"),
    run: (variables, budget) => {
      meter.budget = budget;
      const value: unknown = parsed(variables);
      if (budget.isExhausted) throw new CostExceeded();
      return value;
    },
  };
}

function said(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(MATCHES, "matches");
}

interface Meter {
  budget: Budget | undefined;
}

type Evaluate = (...args: readonly unknown[]) => unknown;

/** What the library's nodes are, as far as this file looks into them. */
interface Node {
  readonly op: string;
  readonly args: unknown;
  /** A macro stands for other nodes. */
  readonly meta: { readonly evaluate: Evaluate; readonly alternate?: Node; readonly macro?: object };
  setMeta(name: "evaluate" | "macro", value: Evaluate | object): unknown;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "op" in value && "setMeta" in value;
}

function nodesOf(root: unknown): readonly Node[] {
  const found = new Set<Node>();
  const open: unknown[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (Array.isArray(value)) open.push(...(value as readonly unknown[]));
    else if (isNode(value)) {
      if (found.has(value)) continue;
      found.add(value);
      open.push(value.args, value.meta.alternate ?? [], value.meta.macro ?? []);
    } else if (isArguments(value)) open.push(...Object.values(value));
  }
  return [...found];
}

/** The parts of a comprehension. */
function isArguments(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function useOwn(node: Node): void {
  const { op, args } = node;
  if ((op !== "rcall" && op !== "call") || !Array.isArray(args)) return;
  if (args[0] === "matches") args[0] = MATCHES;
  if (op !== "call" || args[0] !== "has" || node.meta.macro === undefined) return;
  const [selection] = args[1] as readonly Node[];
  if (selection !== undefined) node.setMeta("macro", hasMacro(selection));
}

const COMPARING: ReadonlySet<string> = new Set(["==", "!=", "in"]);

/** Each evaluation of the node costs one step, and more for large results. */
function count(node: Node, meter: Meter): void {
  const { evaluate, alternate, macro } = node.meta;
  if (alternate !== undefined || macro !== undefined) return;
  const isCompared = COMPARING.has(node.op);
  node.setMeta("evaluate", (...args) => {
    meter.budget!.spend(1);
    const value = evaluate(...args);
    meter.budget!.spend(sizeOf(value));
    return value;
  });
  // Comparing looks into everything.
  if (!isCompared || !Array.isArray(node.args)) return;
  for (const operand of node.args.filter(isNode)) {
    const inner = operand.meta.evaluate;
    operand.setMeta("evaluate", (...args) => {
      const value = inner(...args);
      meter.budget!.spend(deepSizeOf(value) / PER_STEP);
      return value;
    });
  }
}

/** Characters or items that cost as much as a step. */
const PER_STEP = 10;

function sizeOf(value: unknown): number {
  if (typeof value === "string" || Array.isArray(value)) return value.length / PER_STEP;
  return value instanceof Map ? value.size / PER_STEP : 0;
}

const sizes = new WeakMap<object, number>();

function deepSizeOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 1;
  const known = sizes.get(value);
  if (known !== undefined) return known;
  let size = 1;
  const children = Array.isArray(value)
    ? value
    : value instanceof Map
      ? value.values()
      : value instanceof CelObject
        ? Object.values(value)
        : [];
  for (const child of children as Iterable<unknown>) size += deepSizeOf(child);
  sizes.set(value, size);
  return size;
}
