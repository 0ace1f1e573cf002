/** Calls that are other expressions: `has`, `all`, `map`, `optMap`, … @module */
import { ACCUMULATOR, call, ident, list, literal, type Comprehension, type Expr } from "./ast.ts";

/** A place, and what is wrong with it. */
export class MacroError extends Error {
  readonly pos: number;

  constructor(pos: number, message: string) {
    super(message);
    this.pos = pos;
  }
}

/** Gives the expression that stands for the call. Throws MacroError. */
type Expand = (pos: number, args: readonly Expr[], target: Expr) => Expr;

/** By name, number of arguments, and whether it is a method. */
const MACROS: ReadonlyMap<string, Expand> = new Map<string, Expand>([
  ["has/1", has],
  ["all/2.", quantifier("all", 1)],
  ["exists/2.", quantifier("exists", 1)],
  ["exists_one/2.", quantifier("exists_one", 1)],
  ["existsOne/2.", quantifier("exists_one", 1)],
  ["map/2.", mapMacro],
  ["map/3.", mapMacro],
  ["filter/2.", filterMacro],
  ["all/3.", quantifier("all", 2)],
  ["exists/3.", quantifier("exists", 2)],
  ["exists_one/3.", quantifier("exists_one", 2)],
  ["existsOne/3.", quantifier("exists_one", 2)],
  ["transformList/3.", transform("list")],
  ["transformList/4.", transform("list")],
  ["transformMap/3.", transform("map")],
  ["transformMap/4.", transform("map")],
  ["transformMapEntry/3.", transform("entry")],
  ["transformMapEntry/4.", transform("entry")],
  ["optMap/2.", optional("optMap")],
  ["optFlatMap/2.", optional("optFlatMap")],
  ["sortBy/2.", sortBy],
]);

/** The expression that a call stands for; undefined when it is a plain call. */
export function expand(
  pos: number,
  name: string,
  args: readonly Expr[],
  target: Expr | undefined,
): Expr | undefined {
  const macro = MACROS.get(`${name}/${args.length}${target === undefined ? "" : "."}`);
  return macro?.(pos, args, target ?? args[0]!);
}

const accu = (pos: number): Expr => ident(pos, ACCUMULATOR);

function variable(expr: Expr, message: string): string {
  if (expr.op !== "ident") throw new MacroError(expr.pos, message);
  if (expr.name === ACCUMULATOR || expr.name === "__result__") {
    throw new MacroError(expr.pos, "iteration variable overwrites accumulator variable");
  }
  return expr.name;
}

/** One name for items or keys, or two for both. */
function variables(
  args: readonly Expr[],
  count: 1 | 2,
  message: string,
): readonly [string, string | undefined] {
  const first = variable(args[0]!, message);
  if (count === 1) return [first, undefined];
  const second = variable(args[1]!, message);
  if (first === second) {
    throw new MacroError(args[1]!.pos, `duplicate variable name: ${second}`);
  }
  return [first, second];
}

function fold(
  pos: number,
  range: Expr,
  [iterVar, iterVar2]: readonly [string, string | undefined],
  parts: Pick<Comprehension, "init" | "condition" | "step" | "result">,
): Expr {
  return { op: "comprehension", pos, range, iterVar, iterVar2, accuVar: ACCUMULATOR, ...parts };
}

function has(_pos: number, [arg]: readonly Expr[]): Expr {
  if (arg?.op !== "select" || arg.isTest) throw new MacroError(arg!.pos, "invalid argument to has() macro");
  return { ...arg, isTest: true };
}

function quantifier(kind: "all" | "exists" | "exists_one", count: 1 | 2): Expand {
  return (pos, args, target) => {
    const names = variables(args, count, "argument must be a simple name");
    const predicate = args[count]!;
    const one = (): Expr => literal(pos, 1n);
    switch (kind) {
      case "all":
        return fold(pos, target, names, {
          init: literal(pos, true),
          condition: call(pos, "@not_strictly_false", [accu(pos)]),
          step: call(pos, "_&&_", [accu(pos), predicate]),
          result: accu(pos),
        });
      case "exists":
        return fold(pos, target, names, {
          init: literal(pos, false),
          condition: call(pos, "@not_strictly_false", [call(pos, "!_", [accu(pos)])]),
          step: call(pos, "_||_", [accu(pos), predicate]),
          result: accu(pos),
        });
      case "exists_one":
      default:
        return fold(pos, target, names, {
          init: literal(pos, 0n),
          condition: literal(pos, true),
          step: call(pos, "_?_:_", [predicate, call(pos, "_+_", [accu(pos), one()]), accu(pos)]),
          result: call(pos, "_==_", [accu(pos), one()]),
        });
    }
  };
}

function gather(
  pos: number,
  target: Expr,
  names: readonly [string, string | undefined],
  filter: Expr | undefined,
  parts: { readonly init: Expr; readonly step: Expr },
): Expr {
  const step = filter === undefined ? parts.step : call(pos, "_?_:_", [filter, parts.step, accu(pos)]);
  return fold(pos, target, names, {
    init: parts.init,
    condition: literal(pos, true),
    step,
    result: accu(pos),
  });
}

function append(pos: number, item: Expr): { readonly init: Expr; readonly step: Expr } {
  return { init: list(pos, []), step: call(pos, "_+_", [accu(pos), list(pos, [item])]) };
}

function mapMacro(pos: number, args: readonly Expr[], target: Expr): Expr {
  const names = variables(args, 1, "argument is not an identifier");
  const filter = args.length === 3 ? args[1] : undefined;
  return gather(pos, target, names, filter, append(pos, args.at(-1)!));
}

function filterMacro(pos: number, args: readonly Expr[], target: Expr): Expr {
  const names = variables(args, 1, "argument is not an identifier");
  return gather(pos, target, names, args[1], append(pos, args[0]!));
}

function transform(kind: "list" | "map" | "entry"): Expand {
  return (pos, args, target) => {
    const names = variables(args, 2, "argument must be a simple name");
    const filter = args.length === 4 ? args[2] : undefined;
    const made = args.at(-1)!;
    if (kind === "list") return gather(pos, target, names, filter, append(pos, made));
    const inserted = kind === "map" ? [ident(pos, names[0]), made] : [made];
    const init: Expr = { op: "map", pos, entries: [] };
    const step = call(pos, "cel.@mapInsert", [accu(pos), ...inserted]);
    return gather(pos, target, names, filter, { init, step });
  };
}

/** A value bound to a name: a fold over nothing. */
function bind(pos: number, name: string, value: Expr, body: Expr): Expr {
  return {
    op: "comprehension",
    pos,
    range: list(pos, []),
    iterVar: "#unused",
    iterVar2: undefined,
    accuVar: name,
    init: value,
    condition: literal(pos, false),
    step: ident(pos, name),
    result: body,
  };
}

function optional(kind: "optMap" | "optFlatMap"): Expand {
  return (pos, [name, body], target) => {
    if (name?.op !== "ident")
      throw new MacroError(name!.pos, `${kind}() variable name must be a simple identifier`);
    const held = bind(pos, name.name, call(pos, "value", [], target), body!);
    return call(pos, "_?_:_", [
      call(pos, "hasValue", [], target),
      kind === "optMap" ? call(pos, "optional.of", [held]) : held,
      call(pos, "optional.none", []),
    ]);
  };
}

const SORT_INPUT = "@__sortBy_input__";

function sortBy(pos: number, [name, key]: readonly Expr[], target: Expr): Expr {
  if (
    target.op !== "ident" &&
    target.op !== "select" &&
    target.op !== "list" &&
    target.op !== "comprehension" &&
    target.op !== "call"
  ) {
    throw new MacroError(
      target.pos,
      "sortBy can only be applied to a list, identifier, comprehension, call or select expression",
    );
  }
  const names = variables([name!], 1, "argument is not an identifier");
  const keys = gather(pos, ident(pos, SORT_INPUT), names, undefined, append(pos, key!));
  const sorted = call(pos, "@sortByAssociatedKeys", [keys], ident(pos, SORT_INPUT));
  return bind(pos, SORT_INPUT, target, sorted);
}
