/** Which overload of a function a call means: the one that the types leave, or the one that the values fit. @module */
import type { Call, Expr } from "./ast.ts";
import type { CelEnv } from "./env.ts";
import type { Overload } from "./functions.ts";
import type { CelType } from "./types.ts";
import { MapValue, noSuchOverload, typeOfValue, type CelValue } from "./values.ts";

type Run = (args: readonly CelValue[]) => CelValue;

export function dispatcher(env: CelEnv, expr: Call, operands: readonly Expr[]): Run {
  const ids = new Set(expr.overloads);
  const overloads = (env.functions.get(expr.fn) ?? []).filter(({ id }) => ids.has(id));
  const [only] = overloads;
  const isSure = overloads.length === 1 && operands.every(({ type }) => type !== undefined && isStatic(type));
  // Operators of one implementation look at their operands themselves.
  if (only !== undefined && (isSure || ANY.has(expr.fn))) return (args) => only.run(...args);
  return (args) => {
    const fitting = overloads.find((overload) => fits(overload, args));
    if (fitting === undefined)
      throw noSuchOverload(`${expr.fn}(${args.map((arg) => typeOfValue(arg).name).join(", ")})`);
    return fitting.run(...args);
  };
}

const ANY: ReadonlySet<string> = new Set(["_==_", "_!=_", "_?._", "_[_]", "_[?_]", "@in"]);

/** Known before there is a value: no part of it is open. */
function isStatic(type: CelType): boolean {
  return !NULLABLE.has(type.kind) && type.params.every(isStatic);
}

/** Objects and optionals may be null, and dyn may be anything. */
const NULLABLE: ReadonlySet<string> = new Set([
  "dyn",
  "error",
  "param",
  "null",
  "struct",
  "opaque",
  "timestamp",
  "duration",
]);

function fits({ args: types }: Overload, args: readonly CelValue[]): boolean {
  return types.length === args.length && types.every((type, i) => isOf(type, args[i]!));
}

function isOf(type: CelType, value: CelValue): boolean {
  if (type.kind === "dyn" || type.kind === "param") return true;
  if (value instanceof MapValue) return type.kind === "map" || type.name === value.celType.name;
  const { kind, name } = typeOfValue(value);
  if (kind !== type.kind) return false;
  if (kind === "list") return isListOf(type.params[0]!, value as readonly CelValue[]);
  return kind === "struct" || kind === "opaque" ? name === type.name : true;
}

/** The first item speaks for all of them. */
function isListOf(type: CelType, [first]: readonly CelValue[]): boolean {
  return first === undefined || type.kind === "list" || isOf(type, first);
}
