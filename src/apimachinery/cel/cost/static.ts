/** The worst an expression can cost, from the bounds of what it looks at; cel-go's `checker.Cost`. @module */
import { ACCUMULATOR, type Call, type Comprehension, type Expr, type Select } from "../ast.ts";
import { DYN, isOptional, type CelType } from "../types.ts";
import { runeCount } from "../values.ts";
import { COST_MAX, exactly, plus, times, UNKNOWN, union, ZERO, type Range } from "./range.ts";
import { LIST_CREATE, MAP_CREATE, STRUCT_CREATE } from "./runtime.ts";
import { libraryEstimate, standardEstimate, type CallEstimate, type Sized } from "./static-calls.ts";

/** A variable and what follows it: field names, `@items`, `@keys`, `@values`. */
export type Path = readonly string[];

/** The most that a value reached by a path can hold; undefined where nothing is known. */
export type SizeOfPath = (path: Path) => Range | undefined;

export function estimateCost(expr: Expr, sizeOfPath: SizeOfPath): Range {
  return new Estimator(sizeOfPath).cost(expr);
}

interface EntrySize {
  readonly container: "list" | "map";
  readonly key: Range;
  readonly value: Range;
}

interface Local {
  readonly path: Path;
  readonly size: Range | undefined;
  readonly entry: EntrySize | undefined;
}

const SCALARS: ReadonlySet<string> = new Set(["bool", "double", "duration", "int", "timestamp", "uint"]);

function isScalar(type: CelType): boolean {
  return SCALARS.has(type.kind) || (isOptional(type) && isScalar(type.params[0]!));
}

class Estimator {
  readonly #sizeOfPath: SizeOfPath;
  readonly #paths = new Map<Expr, Path>();
  readonly #sizes = new Map<Expr, Range>();
  readonly #entries = new Map<Expr, EntrySize>();
  readonly #locals = new Map<string, Local[]>();

  constructor(sizeOfPath: SizeOfPath) {
    this.#sizeOfPath = sizeOfPath;
  }

  cost(expr: Expr): Range {
    switch (expr.op) {
      case "literal":
        return ZERO;
      case "ident":
        this.#paths.set(expr, this.#local(expr.name)?.path ?? [expr.name]);
        return exactly(1);
      case "select":
        return this.#select(expr);
      case "call":
        return this.#call(expr);
      case "list": {
        const sum = plus(ZERO, ...expr.items.map((item) => this.cost(item)));
        this.#entries.set(expr, { container: "list", key: exactly(1), value: this.#unionOf(expr.items) });
        return plus(sum, exactly(LIST_CREATE));
      }
      case "map": {
        const sum = plus(
          ZERO,
          ...expr.entries.flatMap(({ key, value }) => [this.cost(key), this.cost(value)]),
        );
        const key = this.#unionOf(expr.entries.map((entry) => entry.key));
        const value = this.#unionOf(expr.entries.map((entry) => entry.value));
        this.#entries.set(expr, { container: "map", key, value });
        return plus(sum, exactly(MAP_CREATE));
      }
      case "struct":
        return plus(exactly(STRUCT_CREATE), ...expr.fields.map(({ value }) => this.cost(value)));
      case "comprehension":
      default:
        return isBinding(expr) ? this.#binding(expr) : this.#loop(expr);
    }
  }

  #unionOf(exprs: readonly Expr[]): Range {
    if (exprs.length === 0) return ZERO;
    return exprs.map((expr) => this.#sizeOr(expr)).reduce(union, { min: COST_MAX, max: 0 });
  }

  #local(name: string): Local | undefined {
    return this.#locals.get(name)?.at(-1);
  }

  #push(name: string, local: Local): void {
    const stack = this.#locals.get(name) ?? [];
    this.#locals.set(name, stack);
    stack.push(local);
  }

  #pop(name: string): void {
    this.#locals.get(name)?.pop();
  }

  #path(expr: Expr): Path {
    const local = expr.op === "ident" ? this.#local(expr.name) : undefined;
    return local?.path ?? this.#paths.get(expr) ?? [];
  }

  #select(expr: Select): Range {
    const operand = this.cost(expr.operand);
    // Asking for presence costs nothing besides.
    if (expr.isTest) return operand;
    const kind = (expr.operand.type ?? DYN).kind;
    const isCounted = kind === "map" || kind === "struct" || kind === "param";
    this.#paths.set(expr, [...this.#path(expr.operand), expr.field]);
    return isCounted ? plus(operand, exactly(1)) : operand;
  }

  #call(expr: Call): Range {
    if (expr.fn === "dyn") return this.#dyn(expr);
    const costs = expr.args.map((arg) => this.cost(arg));
    if (expr.overloads.length === 0) return ZERO;
    const target = expr.target === undefined ? ZERO : this.cost(expr.target);
    let cost: Range | undefined;
    let size: Range | undefined;
    for (const overload of expr.overloads) {
      const one = this.#overload(expr, overload, costs);
      cost = cost === undefined ? one.cost : union(cost, one.cost);
      if (one.size !== undefined) size = size === undefined ? one.size : union(size, one.size);
      size = this.#indexed(expr, overload, size) ?? size ?? this.#size(expr);
    }
    if (size !== undefined) this.#sizes.set(expr, size);
    return plus(target, cost!);
  }

  #dyn(expr: Call): Range {
    const arg = expr.args[0]!;
    const cost = this.cost(arg);
    this.#copySizes(expr, arg);
    return plus(exactly(1), cost);
  }

  /** Items are found by their path. */
  #indexed(expr: Call, overload: string, known: Range | undefined): Range | undefined {
    const step = overload === "index_list" ? "@items" : overload === "index_map" ? "@values" : undefined;
    if (step === undefined) return known;
    const container = expr.args[0]!;
    this.#paths.set(expr, [...this.#path(container), step]);
    return this.#entry(container)?.value;
  }

  #overload(expr: Call, overload: string, costs: readonly Range[]): CallEstimate {
    const args = expr.args.map((arg) => this.#sized(arg));
    const target = expr.target === undefined ? undefined : this.#sized(expr.target);
    const sum = plus(ZERO, ...costs);
    const library = libraryEstimate(expr.fn, overload, target, args);
    if (library !== undefined) return { ...library, cost: plus(library.cost, sum) };
    switch (overload) {
      case "logical_or":
      case "logical_and":
        return { cost: { min: costs[0]!.min, max: sum.max } };
      case "conditional":
        return this.#conditional(expr, costs);
      case "add_list":
      case "add_string":
      case "add_bytes":
        this.#joinEntries(expr, expr.args[0]!, expr.args[1]!);
        break;
      default:
    }
    const own = standardEstimate(overload, target, args);
    return { ...own, cost: plus(own.cost, sum) };
  }

  #conditional(expr: Call, [condition, yes, no]: readonly Range[]): CallEstimate {
    const [, first, second] = expr.args as readonly [Expr, Expr, Expr];
    this.#joinEntries(expr, first, second);
    return {
      cost: plus(condition!, union(yes!, no!)),
      size: union(this.#sizeOr(first), this.#sizeOr(second)),
    };
  }

  #joinEntries(expr: Expr, a: Expr, b: Expr): void {
    const [left, right] = [this.#entry(a), this.#entry(b)];
    if (left === undefined || right === undefined) return;
    this.#entries.set(expr, {
      container: left.container,
      key: union(left.key, right.key),
      value: union(left.value, right.value),
    });
  }

  #binding(expr: Comprehension): Range {
    const before = plus(this.cost(expr.range), this.cost(expr.init));
    this.#pushValue(expr.accuVar, expr.init);
    const result = this.cost(expr.result);
    this.#copySizes(expr, expr.result);
    this.#pop(expr.accuVar);
    return plus(before, result);
  }

  #pushValue(name: string, expr: Expr): void {
    this.#push(name, { path: this.#path(expr), size: this.#size(expr), entry: this.#entry(expr) });
  }

  #loop(expr: Comprehension): Range {
    const { range, init, accuVar, iterVar, iterVar2, condition, step, result } = expr;
    const before = plus(this.cost(range), this.cost(init));
    this.#pushValue(accuVar, init);
    this.#pushIteration(range, iterVar, iterVar2);
    const each = plus(this.cost(condition), this.cost(step));
    this.#pop(iterVar);
    if (iterVar2 !== undefined) this.#pop(iterVar2);
    const after = this.cost(result);
    this.#pop(accuVar);
    const count = this.#sizeOr(range);
    this.#sizeOfLoop(expr, count);
    return plus(before, after, times(count, each));
  }

  #sizeOfLoop(expr: Comprehension, count: Range): void {
    const { init, step } = expr;
    if (init.op === "literal") {
      const size = this.#size(init);
      if (size !== undefined) this.#sizes.set(expr, size);
    } else if (init.op === "list" || init.op === "map") {
      this.#sizes.set(expr, count);
      const entry = this.#entry(step);
      if (entry !== undefined) this.#entries.set(expr, entry);
    }
  }

  #pushIteration(range: Expr, first: string, second: string | undefined): void {
    const entry = this.#entry(range);
    const isList = (entry?.container ?? (range.type ?? DYN).kind) === "list";
    const path = this.#path(range);
    const local = (step: string, size: Range | undefined): Local => ({
      path: [...path, step],
      size,
      entry: undefined,
    });
    if (second === undefined) {
      this.#push(first, isList ? local("@items", entry?.value) : local("@keys", entry?.key));
      return;
    }
    this.#push(first, local(isList ? "@indices" : "@keys", entry?.key));
    this.#push(second, local(isList ? "@items" : "@values", entry?.value));
  }

  #sized(expr: Expr): Sized {
    const path = this.#path(expr);
    return {
      size: this.#size(expr),
      type: expr.type ?? DYN,
      literal: expr.op === "literal" ? expr : undefined,
      itemSize: () =>
        path.length === 0 || path[0] === ACCUMULATOR ? undefined : this.#ofPath([...path, "@items"]),
    };
  }

  #ofPath(path: Path): Range | undefined {
    return path.length === 0 ? undefined : this.#sizeOfPath(path);
  }

  #sizeOr(expr: Expr): Range {
    return this.#size(expr) ?? UNKNOWN;
  }

  #size(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr) ?? sizeOfLiteral(expr);
    if (known !== undefined) return known;
    const found = this.#ofPath(this.#path(expr));
    if (found !== undefined) {
      this.#sizes.set(expr, found);
      return found;
    }
    if (isScalar(expr.type ?? DYN)) return exactly(1);
    return expr.op === "ident" ? this.#local(expr.name)?.size : undefined;
  }

  #entry(expr: Expr): EntrySize | undefined {
    return this.#entries.get(expr) ?? (expr.op === "ident" ? this.#local(expr.name)?.entry : undefined);
  }

  #copySizes(to: Expr, from: Expr): void {
    const [size, entry] = [this.#size(from), this.#entry(from)];
    if (size !== undefined) this.#sizes.set(to, size);
    if (entry !== undefined) this.#entries.set(to, entry);
  }
}

function isBinding({ range, condition, accuVar }: Comprehension): boolean {
  const isEmpty = range.op === "list" && range.items.length === 0;
  return isEmpty && condition.op === "literal" && condition.value === false && accuVar !== ACCUMULATOR;
}

function sizeOfLiteral(expr: Expr): Range | undefined {
  if (expr.op === "list") return exactly(expr.items.length);
  if (expr.op === "map") return exactly(expr.entries.length);
  if (expr.op !== "literal") return undefined;
  const { value } = expr;
  if (typeof value === "string") return exactly(runeCount(value));
  return exactly(value instanceof Uint8Array ? value.length : 1);
}
