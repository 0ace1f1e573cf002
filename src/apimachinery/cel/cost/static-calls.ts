/** What calls cost at least and at most, before there are values. @module */
import type { Expr } from "../ast.ts";
import type { CelType } from "../types.ts";
import {
  AUTHORIZER_CHECK,
  LIST_CREATE,
  REGEX_LENGTH,
  REQUIREMENTS_PER_CHAR,
  STRUCT_CREATE,
  TRAVERSAL,
} from "./runtime.ts";
import { byFactor, COST_MAX, exactly, plus, times, UNKNOWN, type Range } from "./range.ts";

/** An operand, as far as costs go. */
export interface Sized {
  /** What is known of its size. */
  readonly size: Range | undefined;
  readonly type: CelType;
  /** A constant. */
  readonly literal: Expr | undefined;
  /** Of a list: what is known of the size of its items. */
  readonly itemSize: () => Range | undefined;
}

export interface CallEstimate {
  readonly cost: Range;
  /** Of the result, when that has a size. */
  readonly size?: Range;
}

type Estimate = (
  target: Sized | undefined,
  args: readonly Sized[],
  overload: string,
) => CallEstimate | undefined;

const sizeOf = (operand: Sized | undefined): Range => operand?.size ?? UNKNOWN;
const ONE: CallEstimate = { cost: exactly(1) };
const one: Estimate = () => ONE;

const ofArgument =
  (factor: number, keepsSize = false): Estimate =>
  (_, [arg]) => {
    if (arg === undefined) return undefined;
    const size = sizeOf(arg);
    return { cost: byFactor(size, factor * TRAVERSAL), ...(keepsSize && { size }) };
  };

const ofTarget: Estimate = (target) => {
  if (target === undefined) return undefined;
  const size = sizeOf(target);
  return { cost: byFactor(size, TRAVERSAL), size };
};

const regexCost = (text: Range, pattern: Range): Range =>
  times(byFactor(plus(text, exactly(1)), TRAVERSAL), byFactor(pattern, REGEX_LENGTH));

const selector: Estimate = (_, [text]) => {
  const size = sizeOf(text);
  const requirements = byFactor(byFactor(size, REQUIREMENTS_PER_CHAR), LIST_CREATE + STRUCT_CREATE);
  return { cost: plus(exactly(LIST_CREATE), byFactor(size, TRAVERSAL), requirements) };
};

const eachItem: Estimate = (target) => {
  if (target === undefined) return undefined;
  const [item] = target.type.params;
  if (item === undefined) return { cost: byFactor(sizeOf(target), TRAVERSAL) };
  const isText = item.kind === "string" || item.kind === "bytes";
  const each = isText ? plus(exactly(1), byFactor(target.itemSize() ?? UNKNOWN, TRAVERSAL)) : exactly(1);
  return { cost: times(sizeOf(target), each) };
};

const replace: Estimate = (target, args) => {
  if (target === undefined || args.length < 2) return undefined;
  const [size, from, to] = [sizeOf(target), sizeOf(args[0]), sizeOf(args[1])];
  const most =
    from.min === 0
      ? { count: Math.min(size.max + 1, COST_MAX), kept: size.max }
      : to.max <= from.min
        ? { count: 0, kept: size.max }
        : { count: Math.ceil(size.max / from.min), kept: 0 };
  const least =
    from.max === 0
      ? { count: Math.min(size.min + 1, COST_MAX), kept: size.min }
      : from.max <= to.min
        ? { count: 0, kept: size.min }
        : { count: Math.ceil(size.min / from.max), kept: 0 };
  const result = plus(times({ min: least.count, max: most.count }, to), { min: least.kept, max: most.kept });
  return { cost: byFactor(size, 2 * TRAVERSAL), size: result };
};

const split: Estimate = (target, [, limit]) => {
  if (target === undefined) return undefined;
  const size = sizeOf(target);
  return { cost: byFactor(size, 2 * TRAVERSAL), size: { min: 0, max: intOf(limit) ?? size.max } };
};

const join: Estimate = (target, [separator]) => {
  if (target === undefined) return undefined;
  const list = sizeOf(target);
  const items = times(list, target.itemSize() ?? UNKNOWN);
  const gaps = { min: Math.max(0, list.min - 1), max: Math.max(0, list.max - 1) };
  const size = separator === undefined ? items : plus(items, times(sizeOf(separator), gaps));
  return { cost: byFactor(size, TRAVERSAL), size };
};

const find: Estimate = (target, [pattern]) => {
  if (target === undefined || pattern === undefined) return undefined;
  const size = sizeOf(target);
  return { cost: regexCost(size, sizeOf(pattern)), size: { min: 0, max: size.max } };
};

const ADDRESS: Range = { min: 4, max: 16 };

const contains =
  (isRange: boolean): Estimate =>
  (_, [other], overload) => {
    const compared = byFactor(plus(ADDRESS, ADDRESS), TRAVERSAL);
    const masked = isRange ? [byFactor(ADDRESS, TRAVERSAL), exactly(1)] : [];
    const parsed = overload.endsWith("_string") ? [byFactor(sizeOf(other), TRAVERSAL)] : [];
    return { cost: plus(compared, ...masked, ...parsed) };
  };

/** cel.MaxNameFormatRegexSize of upstream. */
const FORMAT_REGEX_SIZE = 128;
const FORMAT_SIZE_MAX = 64;

const validate: Estimate = (_, [text]) => ({
  cost: byFactor(byFactor(sizeOf(text), TRAVERSAL), FORMAT_REGEX_SIZE * REGEX_LENGTH),
});

/** Of Kubernetes' own types; undefined for others. */
const equals: Estimate = (_, [left, right]) => {
  if (left === undefined || right === undefined || left.type.name !== right.type.name) return undefined;
  const { kind, name } = left.type;
  if (kind === "opaque") return name.startsWith("net.") ? ONE : undefined;
  if (kind !== "struct" || !name.startsWith("kubernetes.")) return undefined;
  if (name === "kubernetes.NamedFormat")
    return { cost: byFactor({ min: 1, max: FORMAT_SIZE_MAX }, TRAVERSAL) };
  if (name !== "kubernetes.URL") return ONE;
  return { cost: byFactor({ min: 1, max: right.size?.max ?? 1 }, TRAVERSAL) };
};

const newList = (factor: number, size: Range): CallEstimate => ({
  cost: plus(byFactor(size, factor), exactly(1), exactly(LIST_CREATE)),
  size,
});
const squared = (factor: number, { size = UNKNOWN }: Sized): CallEstimate =>
  newList(factor, times(size, size));
const sets =
  (factor: number): Estimate =>
  (_, [a, b]) => ({ cost: plus(byFactor(times(sizeOf(a), sizeOf(b)), factor), exactly(1)) });

function intOf(operand: Sized | undefined): number | undefined {
  const literal = operand?.literal;
  return literal?.op === "literal" && typeof literal.value === "bigint" ? Number(literal.value) : undefined;
}

function names(list: string, estimate: Estimate): readonly (readonly [string, Estimate])[] {
  return list.split(" ").map((name) => [name, estimate] as const);
}

const sortFactor = (type: string): number => (type === "string" || type === "bytes" ? 2 + TRAVERSAL : 2);

/** By the id of the overload: those of lists and sets. */
const BY_OVERLOAD: ReadonlyMap<string, Estimate> = new Map<string, Estimate>([
  [
    "list_slice",
    (target, [start, end]) =>
      newList(1, exactly(Math.max(0, (intOf(end) ?? sizeOf(target).max) - (intOf(start) ?? 0)))),
  ],
  ["lists_range", (_, [length]) => newList(1, exactly(intOf(length) ?? COST_MAX))],
  ["list_reverse", (target) => newList(1, sizeOf(target))],
  ["list_flatten", (target) => newList(1, sizeOf(target))],
  ["list_flatten_int", (target, [depth]) => newList(intOf(depth) ?? COST_MAX, sizeOf(target))],
  ["list_distinct", (target) => squared(2, target!)],
  ...["int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"].flatMap(
    (type): readonly (readonly [string, Estimate])[] => [
      [`list_${type}_sort`, (target) => squared(sortFactor(type), target!)],
      [`list_${type}_sortByAssociatedKeys`, (_, [keys]) => squared(sortFactor(type), keys!)],
    ],
  ),
  ...names("list_sets_contains_list list_sets_intersects_list", sets(1)),
  ["list_sets_equivalent_list", sets(2)],
]);

const BY_NAME: ReadonlyMap<string, Estimate> = new Map<string, Estimate>([
  ["check", () => ({ cost: exactly(AUTHORIZER_CHECK) })],
  ...names(
    "serviceAccount path group resource subresource namespace name allowed reason error errored masked prefixLength family isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast format.named sign asInteger isInteger asApproximateFloat isGreaterThan isLessThan compareTo add sub major minor patch getScheme getHostname getHost getPort getEscapedPath getQuery",
    one,
  ),
  ...names("fieldSelector labelSelector", selector),
  ...names("isSorted sum max min indexOf lastIndexOf", eachItem),
  ...names("url jsonpatch.escapeKey", ofArgument(1, true)),
  ...names("lowerAscii upperAscii substring trim", ofTarget),
  ["replace", replace],
  ["split", split],
  ["join", join],
  ...names("find findAll", find),
  ...names("cidr isIP isCIDR quantity isQuantity semver isSemver", ofArgument(1)),
  ["ip", (target, args, overload) => (overload === "cidr_ip" ? ONE : ofArgument(1)(target, args, overload))],
  ["ip.isCanonical", ofArgument(2)],
  ["containsIP", contains(false)],
  ["containsCIDR", contains(true)],
  ["validate", validate],
  ["_==_", equals],
]);

/** Kubernetes' estimate of a call without its arguments; undefined where cel-go's own holds. */
export function libraryEstimate(
  name: string,
  overload: string,
  target: Sized | undefined,
  args: readonly Sized[],
): CallEstimate | undefined {
  return (BY_OVERLOAD.get(overload) ?? BY_NAME.get(name))?.(target, args, overload);
}

/** cel-go's estimates of its own functions. */
const STANDARD: ReadonlyMap<string, Estimate> = new Map<string, Estimate>([
  ["string_format", (target) => ({ cost: byFactor(sizeOf(target), TRAVERSAL) })],
  [
    "string_to_bytes",
    (_, [text]) => {
      const size = sizeOf(text);
      return {
        cost: byFactor(size, TRAVERSAL),
        size: { min: size.min, max: Math.min(size.max * 4, COST_MAX) },
      };
    },
  ],
  [
    "bytes_to_string",
    (_, [bytes]) => {
      const size = sizeOf(bytes);
      return { cost: byFactor(size, TRAVERSAL), size: { min: Math.floor(size.min / 4), max: size.max } };
    },
  ],
  [
    "strings_quote",
    (_, [text]) => {
      const size = sizeOf(text);
      return { cost: byFactor(size, TRAVERSAL), size: plus(times({ min: 1, max: 2 }, size), exactly(2)) };
    },
  ],
  ...names("starts_with_string ends_with_string", ofArgument(1)),
  ["in_list", (_, args) => ({ cost: sizeOf(args[1]) })],
  ["matches_string", (target, [pattern]) => ({ cost: regexCost(sizeOf(target), sizeOf(pattern)) })],
  [
    "contains_string",
    (target, [part]) => ({
      cost: times(byFactor(sizeOf(target), TRAVERSAL), byFactor(sizeOf(part), TRAVERSAL)),
    }),
  ],
  ...names("add_string add_bytes", (_, [a, b]) => {
    const size = plus(sizeOf(a), sizeOf(b));
    return { cost: byFactor(size, TRAVERSAL), size };
  }),
  ["add_list", (_, [a, b]) => ({ cost: exactly(1), size: plus(sizeOf(a), sizeOf(b)) })],
  ...names(
    "less_string greater_string less_equals_string greater_equals_string less_bytes greater_bytes less_equals_bytes greater_equals_bytes equals not_equals",
    (_, [a, b]) => {
      const max = Math.min(sizeOf(a).max, sizeOf(b).max);
      return { cost: byFactor({ min: max > 0 ? 1 : 0, max }, TRAVERSAL) };
    },
  ),
]);

export function standardEstimate(
  overload: string,
  target: Sized | undefined,
  args: readonly Sized[],
): CallEstimate {
  return STANDARD.get(overload)?.(target, args, overload) ?? ONE;
}
