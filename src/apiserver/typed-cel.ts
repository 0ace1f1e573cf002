/** Expressions over one variable of a declared type, for what is configured outside of the API. @module */
import {
  CelIssues,
  compile,
  fromJson,
  Meter,
  newEnv,
  parseType,
  toJson,
  type CelEnv,
  type StructFields,
} from "#apimachinery/cel";

/** Types of objects: their fields, with types as declarations write them (`list<string>`). */
export type Structs = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface TypedProgram {
  /** The variable as JSON in, the result as JSON out. Throws what evaluation throws. */
  readonly run: (value: unknown, meter?: Meter) => unknown;
}

/** An expression that is none, in words that name its place. */
export class CompileError extends Error {}

export function typedEnv(variable: string, type: string, structs: Structs = {}): CelEnv {
  const known = new Map<string, StructFields>(
    Object.entries(structs).map(([name, fields]) => {
      const types = new Map(Object.entries(fields).map(([field, text]) => [field, parseType(text)]));
      return [name, { field: (field) => types.get(field) }];
    }),
  );
  return newEnv({ variables: { [variable]: parseType(type) }, findStruct: (name) => known.get(name) });
}

/** `expected`: "dyn" takes any result. Throws CompileError. */
export function compileTyped(env: CelEnv, source: string, expected: "bool" | "dyn"): TypedProgram {
  try {
    const { type, evaluate } = compile(env, source);
    if (expected === "bool" && type.kind !== "bool" && type.kind !== "dyn") {
      throw new CompileError("must evaluate to bool");
    }
    return { run: (value, meter = new Meter()) => toJson(evaluate(() => fromJson(value), meter)) };
  } catch (err) {
    if (!(err instanceof CelIssues)) throw err;
    throw new CompileError(`compilation failed: ${err.message}`, { cause: err });
  }
}
