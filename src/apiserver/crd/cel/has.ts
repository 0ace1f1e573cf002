/** `has(e.f)` for any `e`, also `has(self.list[0].f)`, which the library's own macro does not take. @module */
import { Optional } from "@marcbachmann/cel-js";

/** The parts of the library's nodes and checkers that a macro works with. */
interface Node {
  readonly op: string;
  readonly args: unknown;
}

interface Checker {
  check(node: Node, context: unknown): unknown;
  getType(name: string): unknown;
  createError(code: string, message: string, node: Node): Error;
}

interface Evaluator {
  run(node: Node, context: unknown): unknown;
}

export interface Macro {
  readonly args: readonly [Node];
  readonly async: boolean;
  readonly typeCheck: (checker: Checker, macro: Macro, context: unknown) => unknown;
  readonly evaluate: (evaluator: Evaluator, macro: Macro, context: unknown) => boolean;
}

export function hasMacro(selection: Node): Macro {
  return { args: [selection], async: false, typeCheck, evaluate };
}

/** The field must be one that its type has. */
function typeCheck(checker: Checker, { args: [selection] }: Macro, context: unknown): unknown {
  if (selection.op !== "." && selection.op !== ".?") {
    throw checker.createError("invalid_macro_argument", "has() invalid argument", selection);
  }
  checker.check(selection, context);
  return checker.getType("bool");
}

function evaluate(evaluator: Evaluator, { args: [selection] }: Macro, context: unknown): boolean {
  const [operand, name] = selection.args as readonly [Node, string];
  const value = evaluator.run(operand, context);
  if (!(value instanceof Optional)) return isPresent(value, name);
  return value.hasValue() && isPresent(value.value(), name);
}

function isPresent(value: unknown, name: string): boolean {
  if (value instanceof Map) return value.has(name);
  if (typeof value === "object" && value !== null) return Object.hasOwn(value, name);
  throw new Error(`no such overload: has(${name})`);
}
