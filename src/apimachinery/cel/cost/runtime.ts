/** What a call costs when it is made, in the units of cel-go and of Kubernetes' libraries. @module */
import { byteLength } from "../../text.ts";
import { Cidr, Ip } from "../library/address.ts";
import { NamedFormat } from "../library/formats.ts";
import { MapValue, NamedValue, Optional, sizeOfValue, type CelValue } from "../values.ts";

/** cel-go's constants. */
export const TRAVERSAL = 0.1;
export const REGEX_LENGTH = 0.25;
export const LIST_CREATE = 10;
export const MAP_CREATE = 30;
export const STRUCT_CREATE = 40;
/** Two checks fit into what one expression may cost. */
export const AUTHORIZER_CHECK = 350_000;
/** A selector holds at most a requirement per two characters. */
export const REQUIREMENTS_PER_CHAR = 0.5;

type Args = readonly CelValue[];
type Cost = (args: Args, result: CelValue) => number;

export function sizeOf(value: CelValue | undefined): number {
  if (value === undefined) return 1;
  if (value instanceof Optional) return value.value === undefined ? 1 : sizeOf(value.value);
  if (value instanceof Ip) return value.byteCount;
  if (value instanceof Cidr) return value.ip.byteCount;
  return sizeOfValue(value) ?? 1;
}

const one: Cost = () => 1;
const traversal =
  (factor: number, at = 0): Cost =>
  (args) =>
    Math.ceil(sizeOf(args[at]) * factor * TRAVERSAL);

/** Of all that hangs below a value. */
function deepTraversal(value: CelValue): number {
  if (typeof value === "string") return Math.trunc(byteLength(value) * TRAVERSAL);
  if (value instanceof Uint8Array) return Math.trunc(value.length * TRAVERSAL);
  let sum = 0;
  if (Array.isArray(value)) {
    for (const item of value as Args) sum += deepTraversal(item);
    return sum;
  }
  if (!(value instanceof MapValue)) return 1;
  for (const key of value.keys()) sum += deepTraversal(key) + deepTraversal(value.find(key)!);
  return sum;
}

/** One is added to texts: a costly pattern costs on the empty one too. */
const regex = (text: number, pattern: number): number =>
  Math.ceil((1 + text) * TRAVERSAL) * Math.ceil(pattern * REGEX_LENGTH);

const selector: Cost = (args) => {
  const length = sizeOf(args[1]);
  const requirements = Math.ceil(length * REQUIREMENTS_PER_CHAR) * (LIST_CREATE + STRUCT_CREATE);
  return LIST_CREATE + Math.ceil(length * TRAVERSAL) + requirements;
};

const contained =
  (own: (size: number) => number): Cost =>
  (args) =>
    own(sizeOf(args[0])) + (typeof args[1] === "string" ? Math.ceil(sizeOf(args[1]) * TRAVERSAL) : 0);

/** By name, whatever the overload; Kubernetes' own. */
const BY_NAME: ReadonlyMap<string, Cost> = new Map<string, Cost>([
  ["check", () => AUTHORIZER_CHECK],
  ...names(
    "serviceAccount path group resource subresource namespace name allowed reason error errored masked prefixLength family isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast format.named sign asInteger isInteger asApproximateFloat isGreaterThan isLessThan compareTo add sub major minor patch getScheme getHostname getHost getPort getEscapedPath getQuery",
    one,
  ),
  ...names("fieldSelector labelSelector", selector),
  ...names("isSorted sum max min indexOf lastIndexOf", (args) => deepTraversal(args[0]!)),
  ...names(
    "url lowerAscii upperAscii substring trim jsonpatch.escapeKey cidr isIP isCIDR quantity isQuantity semver isSemver",
    traversal(1),
  ),
  ...names("replace split ip.isCanonical", traversal(2)),
  ["join", (_, result) => Math.ceil(sizeOf(result) * 2 * TRAVERSAL)],
  ...names("find findAll", (args) => regex(sizeOf(args[0]), sizeOf(args[1]))),
  ["ip", (args) => (args[0] instanceof Cidr ? 1 : Math.ceil(sizeOf(args[0]) * TRAVERSAL))],
  ["containsIP", contained((size) => Math.ceil(2 * size * TRAVERSAL))],
  ["containsCIDR", contained((size) => Math.ceil(2 * size * TRAVERSAL) + Math.ceil(size * TRAVERSAL) + 1)],
  ["validate", (args) => regex(sizeOf(args[1]), args[0] instanceof NamedFormat ? args[0].regexSize : 0)],
]);

function names(list: string, cost: Cost): readonly (readonly [string, Cost])[] {
  return list.split(" ").map((name) => [name, cost] as const);
}

const compared: Cost = (args) =>
  args[0] instanceof NamedValue ? 1 : Math.ceil(Math.min(sizeOf(args[0]), sizeOf(args[1])) * TRAVERSAL);
const newList = (factor: number, size: number): number => Math.ceil(factor * size) + LIST_CREATE + 1;
const selfCompared =
  (at: 0 | 1): Cost =>
  (args) => {
    const list = args[at] as Args;
    const isText = typeof list[0] === "string" || list[0] instanceof Uint8Array;
    return newList(2 + (isText ? TRAVERSAL : 0), list.length * list.length);
  };
const sets =
  (factor: number): Cost =>
  (args) =>
    1 + Math.trunc(sizeOf(args[0]) * sizeOf(args[1]) * factor);

/** By the id of the overload, when the types left only one. */
const BY_OVERLOAD: ReadonlyMap<string, Cost> = new Map<string, Cost>([
  ...names(
    "starts_with_string ends_with_string string_to_bytes bytes_to_string strings_quote string_format",
    traversal(1),
  ),
  ["in_list", (args) => sizeOf(args[1])],
  ...names(
    "less_string greater_string less_equals_string greater_equals_string less_bytes greater_bytes less_equals_bytes greater_equals_bytes equals not_equals",
    compared,
  ),
  ...names("add_string add_bytes", (args) => Math.ceil((sizeOf(args[0]) + sizeOf(args[1])) * TRAVERSAL)),
  ["matches_string", (args) => regex(sizeOf(args[0]), sizeOf(args[1]))],
  [
    "contains_string",
    (args) => Math.ceil(sizeOf(args[0]) * TRAVERSAL) * Math.ceil(sizeOf(args[1]) * TRAVERSAL),
  ],
  ...names("list_slice lists_range list_reverse", (_, result) => newList(1, sizeOf(result))),
  ...names("list_flatten list_flatten_int", (args) => newList(Number(args[1] ?? 1n), sizeOf(args[0]))),
  ["list_distinct", selfCompared(0)],
  ...["int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"].flatMap(
    (type): readonly (readonly [string, Cost])[] => [
      [`list_${type}_sort`, selfCompared(0)],
      [`list_${type}_sortByAssociatedKeys`, selfCompared(1)],
    ],
  ),
  ...names("list_sets_contains_list list_sets_intersects_list", sets(1)),
  ["list_sets_equivalent_list", sets(2)],
]);

/** How the calls of one place in an expression are counted. `overload` is "" when the types left several. */
export function callCost(name: string, overload: string): Cost {
  const own = BY_OVERLOAD.get(overload);
  // Lists' functions have names that Kubernetes' own libraries count otherwise.
  if (own !== undefined && overload.startsWith("list")) return own;
  return BY_NAME.get(name) ?? own ?? one;
}
