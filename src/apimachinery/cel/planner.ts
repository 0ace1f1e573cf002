/** A checked tree as functions that evaluate it, counting what it costs. @module */
import {
  qualifiedName,
  type Call,
  type Expr,
  type ListExpr,
  type MapExpr,
  type Select,
  type StructExpr,
} from "./ast.ts";
import { typeNamed } from "./checker.ts";
import { callCost, LIST_CREATE, MAP_CREATE, STRUCT_CREATE } from "./cost/runtime.ts";
import { dispatcher } from "./dispatch.ts";
import type { CelEnv } from "./env.ts";
import { celEquals } from "./equality.ts";
import { attempt, type Frame, type PlanScope, type Planned, type Step } from "./frame.ts";
import { planFold } from "./planner-fold.ts";
import {
  CelError,
  LiteralMap,
  MapValue,
  noSuchOverload,
  normalKey,
  Optional,
  StructValue,
  TypeValue,
  typeOfValue,
  type CelValue,
} from "./values.ts";

export class Planner implements PlanScope {
  readonly env: CelEnv;
  /** Names of loops' variables, innermost last; the index is the slot. */
  readonly scope: string[] = [];

  constructor(env: CelEnv) {
    this.env = env;
  }

  plan(expr: Expr): Planned {
    switch (expr.op) {
      case "literal":
        return constant(expr.value);
      case "ident":
        return this.#ident(expr.name);
      case "select":
        return this.#select(expr);
      case "call":
        return this.#call(expr);
      case "list":
        return this.#list(expr);
      case "map":
        return this.#map(expr);
      case "struct":
        return { run: this.#struct(expr) };
      case "comprehension":
      default:
        return { run: planFold(this, expr) };
    }
  }

  #ident(name: string): Planned {
    const slot = this.scope.lastIndexOf(name);
    if (slot >= 0) return { run: (frame) => local(frame, slot) };
    if (!this.env.variables.has(name)) {
      const type = typeNamed(this.env, name);
      if (type !== undefined) return constant(new TypeValue(type.params[0]!));
    }
    return {
      run: ({ activation, meter }) => {
        meter.spend(1);
        return activation(name);
      },
    };
  }

  #select(expr: Select): Planned {
    const { field, isTest } = expr;
    const whole = expr.isTest ? undefined : this.#qualified(expr);
    if (whole !== undefined) return whole;
    const { run } = this.plan(expr.operand);
    if (isTest) return { run: (frame) => isPresent(run(frame), field) };
    return {
      run: (frame) => {
        const operand = run(frame);
        frame.meter.spend(1);
        return selected(operand, field);
      },
    };
  }

  /** `authorizer.requestResource` is one variable, `google.protobuf.Duration` one type. */
  #qualified(expr: Select): Planned | undefined {
    if (expr.operand.op !== "ident" && expr.operand.op !== "select") return undefined;
    const name = qualifiedName(expr);
    if (name === undefined || this.scope.includes(name.slice(0, name.indexOf(".")))) return undefined;
    const isKnown = this.env.variables.has(name) || typeNamed(this.env, name) !== undefined;
    return isKnown ? this.#ident(name) : undefined;
  }

  #call(expr: Call): Planned {
    switch (expr.fn) {
      case "_?_:_":
        return { run: this.#conditional(expr) };
      case "_&&_":
        return { run: this.#logical(expr, false) };
      case "_||_":
        return { run: this.#logical(expr, true) };
      case "@not_strictly_false":
        return { run: this.#notStrictlyFalse(expr) };
      default:
        return this.#plainCall(expr);
    }
  }

  #conditional({ args }: Call): Step {
    const [condition, yes, no] = args.map((arg) => this.plan(arg).run) as [Step, Step, Step];
    return (frame) => {
      const holds = condition(frame);
      if (typeof holds !== "boolean") throw noSuchOverload();
      return holds ? yes(frame) : no(frame);
    };
  }

  /** `decisive` is the value that settles the matter, whatever the other side is. */
  #logical({ args }: Call, decisive: boolean): Step {
    const [left, right] = args.map((arg) => this.plan(arg).run) as [Step, Step];
    return (frame) => {
      const first = attempt(left, frame);
      if (first === decisive) return decisive;
      const second = attempt(right, frame);
      if (second === decisive) return decisive;
      if (first instanceof CelError) throw first;
      if (second instanceof CelError) throw second;
      if (typeof first !== "boolean" || typeof second !== "boolean") throw noSuchOverload();
      return !decisive;
    };
  }

  #notStrictlyFalse({ args }: Call): Step {
    const { run } = this.plan(args[0]!);
    return (frame) => {
      const value = attempt(run, frame);
      frame.meter.spend(1);
      return value !== false;
    };
  }

  #plainCall(expr: Call): Planned {
    const operands = expr.target === undefined ? expr.args : [expr.target, ...expr.args];
    const planned = operands.map((operand) => this.plan(operand));
    const id = expr.overloads.length === 1 ? expr.overloads[0]! : "";
    const run = dispatcher(this.env, expr, operands);
    const [only] = planned;
    if (CONVERTING.has(expr.fn) && planned.length === 1 && only?.constant !== undefined) {
      return folded(() => run([only.constant!.value]));
    }
    const members = id === "in_list" ? planned[1]?.constant?.value : undefined;
    if (Array.isArray(members) && members.every(isPrimitive)) {
      const item = planned[0]!.run;
      return { run: (frame) => isMember(item(frame), members) };
    }
    const cost = callCost(expr.fn, id);
    const steps = planned.map((each) => each.run);
    return {
      run: (frame) => {
        const args = steps.map((step) => step(frame));
        const result = run(args);
        frame.meter.spend(cost(args, result));
        return result;
      },
    };
  }

  #list({ items, optional }: ListExpr): Planned {
    const planned = items.map((item) => this.plan(item));
    if (optional.size === 0 && planned.every((item) => item.constant !== undefined)) {
      return constant(planned.map((item) => item.constant!.value));
    }
    const steps = planned.map((item) => item.run);
    return {
      run: (frame) => {
        const list = steps.flatMap((step, i) => {
          const value = step(frame);
          // In one more list: flatMap takes lists apart.
          return optional.has(i) ? present(value) : [value];
        });
        frame.meter.spend(LIST_CREATE);
        return list;
      },
    };
  }

  #map({ entries }: MapExpr): Planned {
    const planned = entries.map(({ key, value, isOptional }) => ({
      key: this.plan(key),
      value: this.plan(value),
      isOptional,
    }));
    const make = (valueOf: (each: Planned) => CelValue): LiteralMap => {
      const made = new Map<CelValue, CelValue>();
      for (const { key, value, isOptional } of planned) {
        const name = mapKey(valueOf(key));
        const [held] = isOptional ? present(valueOf(value)) : [valueOf(value)];
        if (held === undefined) continue;
        if (made.has(name)) throw new CelError(`Failed with repeated key`);
        made.set(name, held);
      }
      return new LiteralMap(made);
    };
    const isConstant = planned.every(
      ({ key, value, isOptional }) =>
        !isOptional && key.constant !== undefined && value.constant !== undefined,
    );
    if (isConstant) return folded(() => make((each) => each.constant!.value));
    return {
      run: (frame) => {
        const map = make((each) => each.run(frame));
        frame.meter.spend(MAP_CREATE);
        return map;
      },
    };
  }

  #struct({ type, fields }: StructExpr): Step {
    const steps = fields.map(({ name, value, isOptional }) => ({
      name,
      run: this.plan(value).run,
      isOptional,
    }));
    return (frame) => {
      const made = new Map<string, CelValue>();
      for (const { name, run, isOptional } of steps) {
        const [held] = isOptional ? present(run(frame)) : [run(frame)];
        if (held !== undefined) made.set(name, held);
      }
      frame.meter.spend(STRUCT_CREATE);
      return new StructValue(type!, made);
    };
  }
}

/** Their value is known before the first evaluation when that of their argument is. */
const CONVERTING: ReadonlySet<string> = new Set(
  "bool bytes double duration dyn int string timestamp type uint".split(" "),
);

function constant(value: CelValue): Planned {
  return { run: () => value, constant: { value } };
}

/** What fails fails when it is evaluated. */
function folded(make: () => CelValue): Planned {
  try {
    return constant(make());
  } catch (err) {
    if (!(err instanceof CelError)) throw err;
    return {
      run: () => {
        throw err;
      },
    };
  }
}

function local({ locals, meter }: Frame, slot: number): CelValue {
  meter.spend(1);
  const value = locals[slot]!;
  // What a loop has gathered may be the error of a step before.
  if (value instanceof CelError) throw value;
  return value;
}

function selected(operand: CelValue, field: string): CelValue {
  if (operand instanceof Optional) {
    const found = operand.value instanceof MapValue ? operand.value.findField(field) : undefined;
    return found === undefined ? Optional.none : new Optional(found);
  }
  const found = operand instanceof MapValue ? operand.findField(field) : undefined;
  if (found === undefined) throw new CelError(`no such key: ${field}`);
  return found;
}

function isPresent(operand: CelValue, field: string): boolean {
  const inner = operand instanceof Optional ? operand.value : operand;
  return inner instanceof MapValue && inner.findField(field) !== undefined;
}

/** Of `?x`: nothing, or what it holds. */
function present(value: CelValue): readonly CelValue[] {
  if (!(value instanceof Optional)) throw noSuchOverload();
  return value.value === undefined ? [] : [value.value];
}

function mapKey(key: CelValue): CelValue {
  const normal = normalKey(key);
  if (typeof normal === "string" || typeof normal === "bigint" || typeof normal === "boolean") return normal;
  throw new CelError(`unsupported key type: ${typeOfValue(key).name}`);
}

function isPrimitive(value: CelValue): boolean {
  return typeof value !== "object";
}

function isMember(item: CelValue, members: readonly CelValue[]): boolean {
  return members.some((member) => celEquals(item, member));
}
