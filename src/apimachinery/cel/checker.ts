/** Gives every node of a tree its type and every call its overloads, and says what does not fit. @module */
import {
  qualifiedName,
  type Call,
  type Comprehension,
  type Expr,
  type ListExpr,
  type MapExpr,
  type Select,
  type StructExpr,
} from "./ast.ts";
import type { CelEnv } from "./env.ts";
import type { Overload } from "./functions.ts";
import type { Issue } from "./source-error.ts";
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  ERROR,
  formatSignature,
  formatType,
  INT,
  listOf,
  mapOf,
  NULL,
  optionalOf,
  sameType,
  STRING,
  structOf,
  TIMESTAMP,
  typeOf,
  typeParam,
  UINT,
  unwrapOptional,
  type CelType,
} from "./types.ts";
import { assign, isDyn, isDynOrError, mostGeneral, substitute, type Bindings } from "./unify.ts";
import { typeOfValue } from "./values.ts";

/** The names of types, which are values. */
const TYPE_NAMES: ReadonlyMap<string, CelType> = new Map(
  [
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    listOf(typeParam("A")),
    mapOf(typeParam("A"), typeParam("B")),
    optionalOf(typeParam("A")),
    { kind: "type", name: "type", params: [] } as const,
  ].map((type) => [type.name, typeOf(type)]),
);

/** The type of the name of a type; undefined for what is none. */
export function typeNamed(env: CelEnv, name: string): CelType | undefined {
  const known = TYPE_NAMES.get(name);
  if (known !== undefined) return known;
  return env.findStruct(name) === undefined ? undefined : typeOf(structOf(name));
}

/** Completes the tree in place; gives what is wrong with it, in the order of the walk. */
export function check(expr: Expr, env: CelEnv): readonly Issue[] {
  const checker = new Checker(env);
  checker.check(expr);
  checker.finish();
  return checker.issues;
}

class Checker {
  readonly issues: Issue[] = [];
  readonly #env: CelEnv;
  readonly #scopes: ReadonlyMap<string, CelType>[] = [];
  readonly #seen: Expr[] = [];
  #bindings: Bindings = new Map();
  #fresh = 0;

  constructor(env: CelEnv) {
    this.#env = env;
  }

  check(expr: Expr): CelType {
    const type = this.#typeOf(expr);
    expr.type = type;
    this.#seen.push(expr);
    return type;
  }

  /** What is still open is dyn. */
  finish(): void {
    for (const expr of this.#seen) expr.type = substitute(this.#bindings, expr.type!, true);
  }

  #report({ pos }: { readonly pos: number }, message: string): CelType {
    this.issues.push({ pos, message });
    return ERROR;
  }

  #typeOf(expr: Expr): CelType {
    switch (expr.op) {
      case "literal":
        return typeOfValue(expr.value);
      case "ident":
        return this.#named(expr.name) ?? this.#undeclared(expr, expr.name);
      case "select":
        return this.#select(expr);
      case "call":
        return this.#call(expr);
      case "list":
        return this.#list(expr);
      case "map":
        return this.#map(expr);
      case "struct":
        return this.#struct(expr);
      case "comprehension":
      default:
        return this.#comprehension(expr);
    }
  }

  #undeclared(expr: Expr, name: string): CelType {
    return this.#report(expr, `undeclared reference to '${name}' (in container '')`);
  }

  #named(name: string): CelType | undefined {
    for (const scope of this.#scopes.toReversed()) {
      const type = scope.get(name);
      if (type !== undefined) return type;
    }
    return this.#env.variables.get(name) ?? typeNamed(this.#env, name);
  }

  #select(expr: Select): CelType {
    const name = expr.isTest ? undefined : qualifiedName(expr);
    const whole = name === undefined || this.#isLocal(name) ? undefined : this.#named(name);
    if (whole !== undefined) return whole;
    const type = this.#field(expr, expr.operand, expr.field, false);
    return expr.isTest ? BOOL : substitute(this.#bindings, type, false);
  }

  /** `a.b` of a loop variable `a` is no name of the environment. */
  #isLocal(name: string): boolean {
    const first = name.slice(0, name.indexOf("."));
    return this.#scopes.some((scope) => scope.has(first));
  }

  #field(expr: Expr, operand: Expr, field: string, isOptional: boolean): CelType {
    const { type: target, wasOptional } = unwrapOptional(
      substitute(this.#bindings, this.check(operand), false),
    );
    const type = this.#fieldOf(expr, target, field);
    return wasOptional || isOptional ? optionalOf(type) : type;
  }

  #fieldOf(expr: Expr, target: CelType, field: string): CelType {
    if (target.kind === "map") return target.params[1]!;
    if (target.kind === "struct") return this.#structField(expr, target.name, field);
    if (target.kind === "param") this.#isAssignable(DYN, target);
    else if (!isDynOrError(target)) {
      this.#report(expr, `type '${formatType(target)}' does not support field selection`);
    }
    return DYN;
  }

  #structField(at: { readonly pos: number }, name: string, field: string): CelType {
    const struct = this.#env.findStruct(name);
    if (struct === undefined) return this.#report(at, `unexpected failed resolution of '${name}'`);
    return struct.field(field) ?? this.#report(at, `undefined field '${field}'`);
  }

  #call(expr: Call): CelType {
    if (expr.fn === "_?._") return this.#optionalSelect(expr);
    for (const arg of expr.args) this.check(arg);
    const { target } = expr;
    const prefix = target === undefined ? undefined : qualifiedName(target);
    const spaced = prefix === undefined ? undefined : this.#env.functions.get(`${prefix}.${expr.fn}`);
    if (spaced !== undefined) {
      expr.fn = `${prefix}.${expr.fn}`;
      expr.target = undefined;
      return this.#resolve(expr, spaced);
    }
    if (target !== undefined) this.check(target);
    const overloads = this.#env.functions.get(expr.fn);
    return overloads === undefined ? this.#undeclared(expr, expr.fn) : this.#resolve(expr, overloads);
  }

  #optionalSelect(expr: Call): CelType {
    const [operand, name] = expr.args as readonly [Expr, Expr];
    name.type = STRING;
    const field = name.op === "literal" && typeof name.value === "string" ? name.value : "";
    expr.overloads = ["select_optional_field"];
    return substitute(this.#bindings, this.#field(expr, operand, field, true), false);
  }

  #resolve(expr: Call, overloads: readonly Overload[]): CelType {
    const operands = expr.target === undefined ? expr.args : [expr.target, ...expr.args];
    const types = operands.map((arg) => arg.type!);
    if (expr.fn === "_&&_" || expr.fn === "_||_") return this.#logical(expr, types);
    const found: string[] = [];
    let result: CelType | undefined;
    for (const overload of overloads) {
      if (overload.isMember !== (expr.target !== undefined)) continue;
      const made = this.#instantiate(overload);
      const next = assign(this.#bindings, types, made.args);
      if (next === undefined) continue;
      this.#bindings = next;
      found.push(overload.id);
      const type = substitute(next, made.result, false);
      if (result === undefined) result = type;
      else if (!isDyn(result) && !sameType(type, result)) result = DYN;
    }
    expr.overloads = found;
    return result ?? this.#noOverload(expr, types);
  }

  #noOverload(expr: Call, types: readonly CelType[]): CelType {
    const shown = types.map((type) => substitute(this.#bindings, type, true));
    const signature = formatSignature(shown, expr.target !== undefined);
    return this.#report(expr, `found no matching overload for '${expr.fn}' applied to '${signature}'`);
  }

  #logical(expr: Call, types: readonly CelType[]): CelType {
    expr.overloads = [expr.fn === "_&&_" ? "logical_and" : "logical_or"];
    let isGood = true;
    for (const [i, type] of types.entries()) {
      if (this.#isAssignable(type, BOOL)) continue;
      this.#mismatch(expr.args[i]!, BOOL, type);
      isGood = false;
    }
    return isGood ? BOOL : ERROR;
  }

  #instantiate({ args, result }: Overload): { readonly args: readonly CelType[]; readonly result: CelType } {
    const own = new Map<string, CelType>();
    const rename = (type: CelType): void => {
      if (type.kind === "param" && !own.has(type.name)) own.set(type.name, this.#variable());
      type.params.forEach(rename);
    };
    for (const type of [...args, result]) rename(type);
    if (own.size === 0) return { args, result };
    return { args: args.map((type) => substitute(own, type, false)), result: substitute(own, result, false) };
  }

  #variable(): CelType {
    return typeParam(`_var${this.#fresh++}`);
  }

  #list({ items, optional }: ListExpr): CelType {
    let joined: CelType | undefined;
    for (const [i, item] of items.entries()) {
      const type = this.check(item);
      joined = this.#join(item, joined, optional.has(i) ? this.#unwrap(item, type) : type);
    }
    return listOf(joined ?? this.#variable());
  }

  #map({ entries }: MapExpr): CelType {
    let keys: CelType | undefined;
    let values: CelType | undefined;
    for (const { key, value, isOptional } of entries) {
      keys = this.#join(key, keys, this.check(key));
      const type = this.check(value);
      values = this.#join(value, values, isOptional ? this.#unwrap(value, type) : type);
    }
    return mapOf(keys ?? this.#variable(), values ?? this.#variable());
  }

  #unwrap(expr: Expr, type: CelType): CelType {
    const { type: inner, wasOptional } = unwrapOptional(substitute(this.#bindings, type, false));
    if (!wasOptional && !isDyn(inner)) this.#mismatch(expr, optionalOf(inner), inner);
    return inner;
  }

  #join(expr: Expr, before: CelType | undefined, type: CelType): CelType {
    if (before === undefined) return type;
    if (this.#isAssignable(before, type)) return mostGeneral(before, type);
    this.#mismatch(expr, before, type);
    return ERROR;
  }

  #struct(expr: StructExpr): CelType {
    const named = this.#named(expr.typeName);
    if (named === undefined) return this.#undeclared(expr, expr.typeName);
    if (named.kind !== "type") return this.#report(expr, `'${formatType(named)}' is not a type`);
    const type = named.params[0]!;
    if (type.kind !== "struct") return this.#report(expr, `'${formatType(type)}' is not a message type`);
    for (const field of expr.fields) {
      const given = this.check(field.value);
      const wanted = this.#structField(field, type.name, field.name);
      const value = field.isOptional ? this.#unwrap(field.value, given) : given;
      if (this.#isAssignable(wanted, value)) continue;
      const [expected, provided] = [wanted, value].map((t) =>
        formatType(substitute(this.#bindings, t, true)),
      );
      const message = `expected type of field '${field.name}' is '${expected}' but provided type is '${provided}'`;
      this.#report(field, message);
    }
    return type;
  }

  #comprehension(expr: Comprehension): CelType {
    const { range, iterVar, iterVar2, accuVar, init, condition, step, result } = expr;
    const over = substitute(this.#bindings, this.check(range), false);
    const accu = this.check(init);
    this.#scopes.push(new Map([[accuVar, accu]]));
    const [first, second] = this.#iterated(expr, over);
    this.#scopes.push(
      new Map(
        iterVar2 === undefined
          ? [[iterVar, first]]
          : [
              [iterVar, first],
              [iterVar2, second],
            ],
      ),
    );
    this.#assert(condition, this.check(condition), BOOL);
    this.#assert(step, this.check(step), accu);
    this.#scopes.pop();
    const type = this.check(result);
    this.#scopes.pop();
    return substitute(this.#bindings, type, false);
  }

  /** The types of the loop's variables. */
  #iterated({ range, iterVar2 }: Comprehension, over: CelType): readonly [CelType, CelType] {
    if (over.kind === "list") return iterVar2 === undefined ? [over.params[0]!, DYN] : [INT, over.params[0]!];
    if (over.kind === "map") return [over.params[0]!, over.params[1]!];
    if (isDynOrError(over) || over.kind === "param") {
      this.#isAssignable(DYN, over);
      return [DYN, DYN];
    }
    const shown = formatType(over);
    this.#report(
      range,
      `expression of type '${shown}' cannot be range of a comprehension (must be list, map, or dynamic)`,
    );
    return [ERROR, ERROR];
  }

  #assert(expr: Expr, type: CelType, wanted: CelType): void {
    if (!this.#isAssignable(wanted, type)) this.#mismatch(expr, wanted, type);
  }

  #mismatch(expr: Expr, expected: CelType, actual: CelType): void {
    this.#report(expr, `expected type '${formatType(expected)}' but found '${formatType(actual)}'`);
  }

  #isAssignable(from: CelType, to: CelType): boolean {
    const next = assign(this.#bindings, [from], [to]);
    if (next === undefined) return false;
    this.#bindings = next;
    return true;
  }
}
