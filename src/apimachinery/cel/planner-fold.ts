/** Loops: what the macros became. @module */
import type { Comprehension, Expr } from "./ast.ts";
import { LIST_CREATE } from "./cost/runtime.ts";
import { attempt, isAccumulator, type Frame, type PlanScope, type Step } from "./frame.ts";
import { CelError, LiteralMap, MapValue, typeOfValue, type CelValue } from "./values.ts";

export function planFold(planner: PlanScope, expr: Comprehension): Step {
  return isBinding(expr) ? planBinding(planner, expr) : planLoop(planner, expr);
}

/** A name for a value: a loop over nothing. */
function isBinding({ range, condition }: Comprehension): boolean {
  return (
    range.op === "list" && range.items.length === 0 && condition.op === "literal" && condition.value === false
  );
}

function planBinding(planner: PlanScope, { accuVar, init, result }: Comprehension): Step {
  const value = planner.plan(init).run;
  const slot = planner.scope.push(accuVar) - 1;
  const body = planner.plan(result).run;
  planner.scope.pop();
  return (frame) => {
    frame.locals[slot] = value(frame);
    return body(frame);
  };
}

function planLoop(planner: PlanScope, expr: Comprehension): Step {
  const { iterVar, iterVar2, accuVar, init, condition, result } = expr;
  const range = planner.plan(expr.range).run;
  const start = freshInit(planner, init);
  const accu = planner.scope.push(accuVar) - 1;
  const first = planner.scope.push(iterVar) - 1;
  if (iterVar2 !== undefined) planner.scope.push(iterVar2);
  const goesOn = planner.plan(condition).run;
  const step = planStep(planner, expr.step, accu);
  planner.scope.length = first;
  const end = planner.plan(result).run;
  planner.scope.length = accu;
  return (frame) => {
    const over = range(frame);
    const { locals } = frame;
    let value: CelValue | CelError = attempt(start, frame);
    for (const [key, item] of entriesOf(over, iterVar2 !== undefined)) {
      setAccu(locals, accu, value);
      locals[first] = key;
      if (iterVar2 !== undefined) locals[first + 1] = item;
      if (goesOn(frame) === false) break;
      value = attempt(step, frame);
    }
    setAccu(locals, accu, value);
    if (value instanceof CelError) throw value;
    return end(frame);
  };
}

/** An error is kept: `exists` and `all` go on after one. */
function setAccu(locals: CelValue[], slot: number, value: CelValue | CelError): void {
  locals[slot] = value;
}

/** Keys or items; with `both`, index and item or key and value. */
function* entriesOf(over: CelValue, both: boolean): Iterable<readonly [CelValue, CelValue]> {
  if (Array.isArray(over)) {
    let index = 0n;
    for (const item of over as readonly CelValue[]) yield both ? [index++, item] : [item, item];
  } else if (over instanceof MapValue) {
    for (const key of over.keys()) yield [key, both ? over.find(key)! : key];
  } else throw new CelError(`got '${typeOfValue(over).name}', expected iterable type`);
}

/** Containers that a loop fills are its own. */
function freshInit(planner: PlanScope, init: Expr): Step {
  if (init.op === "list" && init.items.length === 0) return () => [];
  if (init.op === "map" && init.entries.length === 0) return () => new LiteralMap(new Map());
  return planner.plan(init).run;
}

/** `accumulator + [item]` appends to the list itself: a copy for each item would take the square of the time. */
function planStep(planner: PlanScope, expr: Expr, accu: number): Step {
  if (expr.op !== "call") return planner.plan(expr).run;
  const [left, right, other] = expr.args;
  if (expr.fn === "_?_:_" && isAccumulator(other!)) {
    const filter = planner.plan(left!).run;
    const step = planStep(planner, right!, accu);
    return (frame) => {
      const holds = filter(frame);
      if (typeof holds !== "boolean") throw new CelError("no such overload");
      if (holds) return step(frame);
      frame.meter.spend(1);
      return accumulated(frame, accu);
    };
  }
  const isAppend =
    expr.fn === "_+_" && isAccumulator(left!) && right?.op === "list" && right.items.length === 1;
  if (!isAppend || right.optional.size > 0) return planner.plan(expr).run;
  const { run, constant } = planner.plan(right.items[0]!);
  // The accumulator, the list of one, the sum; a constant list costs nothing.
  const cost = 2 + (constant === undefined ? LIST_CREATE : 0);
  return (frame) => {
    const list = accumulated(frame, accu);
    const item = run(frame);
    frame.meter.spend(cost);
    (list as CelValue[]).push(item);
    return list;
  };
}

/** What the loop holds so far; throws what a step before failed with. */
function accumulated({ locals }: Frame, slot: number): CelValue {
  const value = locals[slot]!;
  if (value instanceof CelError) throw value;
  return value;
}
