/** What evaluations work on, and the steps they are made of. @module */
import { ACCUMULATOR, type Expr } from "./ast.ts";
import type { Meter } from "./meter.ts";
import { CelError, type CelValue } from "./values.ts";

/** The variables of an evaluation by their names. */
export type Activation = (name: string) => CelValue;

/** One evaluation: its variables, its loops' variables, its cost. */
export interface Frame {
  readonly activation: Activation;
  readonly locals: CelValue[];
  readonly meter: Meter;
}

export type Step = (frame: Frame) => CelValue;

/** A step; `constant` when it needs no evaluation, and so costs nothing. */
export interface Planned {
  readonly run: Step;
  readonly constant?: { readonly value: CelValue };
}

/** Plans parts of an expression within the loops around them. */
export interface PlanScope {
  /** Names of loops' variables, innermost last; the index is the slot. */
  readonly scope: string[];
  plan(expr: Expr): Planned;
}

/** The value, or the error that it is. */
export function attempt(step: Step, frame: Frame): CelValue | CelError {
  try {
    return step(frame);
  } catch (err) {
    if (err instanceof CelError) return err;
    throw err;
  }
}

export function isAccumulator(expr: Expr): boolean {
  return expr.op === "ident" && expr.name === ACCUMULATOR;
}
