/** From text to something that can be evaluated. @module */
import type { Call, Expr } from "./ast.ts";
import { childrenOf } from "./ast.ts";
import { check } from "./checker.ts";
import type { CelEnv } from "./env.ts";
import { re2 } from "./library/regex.ts";
import type { Meter } from "./meter.ts";
import { parse } from "./parser.ts";
import type { Activation, Step } from "./frame.ts";
import { Planner } from "./planner.ts";
import { CelIssues, type Issue } from "./source-error.ts";
import { parseDurationNanos, parseTimestamp } from "./time-text.ts";
import type { CelType } from "./types.ts";
import { CelError, type CelValue } from "./values.ts";

/** Issues that are shown of one expression. */
const ISSUES_MAX = 100;

export interface Program {
  /** Checked: every node has its type. */
  readonly expr: Expr;
  readonly type: CelType;
  /** Throws CelError, CostExceeded, and whatever a variable or the authorizer throws. */
  readonly evaluate: (activation: Activation, meter: Meter) => CelValue;
}

/** Throws CelIssues for what is no expression of this environment. */
export function compile(env: CelEnv, source: string): Program {
  const expr = parse(source);
  const found = check(expr, env);
  const issues = found.length > 0 ? found : literalIssues(expr);
  if (issues.length > 0) {
    const sorted = issues.toSorted((a, b) => a.pos - b.pos);
    throw new CelIssues(source, sorted.slice(0, ISSUES_MAX));
  }
  let step: Step | undefined;
  return {
    expr,
    type: expr.type!,
    evaluate: (activation, meter) => {
      step ??= new Planner(env).plan(expr).run;
      return step({ activation, locals: [], meter });
    },
  };
}

/** Whether an expression names a variable. */
export function uses(expr: Expr, name: string): boolean {
  return (expr.op === "ident" && expr.name === name) || childrenOf(expr).some((child) => uses(child, name));
}

/** Texts that are constants and must be durations, times or patterns. */
const CHECKED: Readonly<Record<string, (text: string) => unknown>> = {
  duration: parseDurationNanos,
  timestamp: parseTimestamp,
  matches: re2,
};

function literalIssues(expr: Expr): readonly Issue[] {
  const own = expr.op === "call" ? literalIssue(expr) : undefined;
  const below = childrenOf(expr).flatMap(literalIssues);
  return own === undefined ? below : [own, ...below];
}

function literalIssue({ fn, args }: Call): Issue | undefined {
  const arg = args.at(-1);
  if (!Object.hasOwn(CHECKED, fn) || arg?.op !== "literal" || typeof arg.value !== "string") return undefined;
  try {
    CHECKED[fn]!(arg.value);
    return undefined;
  } catch (err) {
    if (!(err instanceof CelError)) throw err;
    return { pos: arg.pos, message: `invalid ${fn} argument` };
  }
}
