/**
 * Amounts of resources: `resource.Quantity`. Exact decimals with a preferred notation; written back in canonical form
 * (no precision lost, no fraction, the largest suffix that divides it).
 * @module
 */
import { parseSuffix, suffixOf, type QuantityFormat } from "./quantity-suffix.ts";

export type { QuantityFormat } from "./quantity-suffix.ts";

/** `unscaled` × 10^`scale`. */
export interface Quantity {
  readonly unscaled: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
  /** The text it was read from, where upstream keeps that instead of the canonical form (`1.500`). */
  readonly text?: string;
}

export class QuantityError extends Error {
  override readonly name = "QuantityError";
}

const FORMAT_MESSAGE =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX_MESSAGE = "unable to parse quantity's suffix";

const SHAPE = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;
/** Smallest scale that is kept; finer amounts are rounded away from zero. */
const NANO = -9;
/** The cap of binary quantities. */
const INT64_MAX = 2n ** 63n - 1n;
/** Digits and exponents beyond this are refused: they only serve to make arithmetic slow. */
const DIGITS_MAX = 1000;

/** Texts whose quantities are remembered. */
const REMEMBERED_MAX = 1024;
const REMEMBERED_LENGTH_MAX = 32;
const remembered = new Map<string, Quantity>();

/** Reads a quantity. Throws `QuantityError` with upstream's text. A cluster knows few amounts: each is read once. */
export function parseQuantity(text: string): Quantity {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const quantity = readQuantity(text);
  if (text.length > REMEMBERED_LENGTH_MAX) return quantity;
  if (remembered.size >= REMEMBERED_MAX) remembered.clear();
  remembered.set(text, quantity);
  return quantity;
}

function readQuantity(text: string): Quantity {
  const match = SHAPE.exec(text);
  if (text === "" || match === null || text.length > DIGITS_MAX) throw new QuantityError(FORMAT_MESSAGE);
  const [, sign, integer = "", fraction = "", suffixText = ""] = match;
  const suffix = parseSuffix(suffixText);
  if (suffix === undefined || Math.abs(suffix.exponent) > DIGITS_MAX) throw new QuantityError(SUFFIX_MESSAGE);
  const digits = integer.replace(/^0+/, "") + fraction;
  const magnitude = BigInt(digits === "" ? "0" : digits);
  const q =
    suffix.base === 2
      ? binary(magnitude << BigInt(suffix.exponent), -fraction.length)
      : { ...roundToNano(magnitude, suffix.exponent - fraction.length), format: suffix.format };
  const signed = sign === "-" ? { ...q, unscaled: -q.unscaled } : q;
  return keepsText(integer, fraction, suffix, magnitude) ? { ...signed, text } : signed;
}

/** Reads what JSON may hold: a string, surrounding space allowed, or a number. */
export function parseQuantityValue(value: unknown): Quantity {
  if (typeof value === "string") return parseQuantity(value.trim());
  if (typeof value === "number") return parseQuantity(String(value));
  throw new QuantityError(FORMAT_MESSAGE);
}

export function isQuantity(text: string): boolean {
  try {
    parseQuantity(text);
    return true;
  } catch (err) {
    if (err instanceof QuantityError) return false;
    throw err;
  }
}

/** The canonical text. */
export function formatQuantity(q: Quantity): string {
  if (q.text !== undefined) return q.text;
  if (q.unscaled === 0n) return "0";
  return formatBinary(q) ?? formatDecimal(q);
}

/** Rewrites `text` in canonical form. Throws `QuantityError`. */
export function canonicalQuantity(text: string): string {
  return formatQuantity(parseQuantity(text));
}

export function newQuantity(value: number | bigint, format: QuantityFormat = "DecimalSI"): Quantity {
  return { unscaled: BigInt(value), scale: 0, format };
}

export function newMilliQuantity(milli: number | bigint, format: QuantityFormat = "DecimalSI"): Quantity {
  return { unscaled: BigInt(milli), scale: -3, format };
}

export const ZERO_QUANTITY: Quantity = { unscaled: 0n, scale: 0, format: "DecimalSI" };

/** The sum in the notation of `a`, or of `b` when `a` is zero. */
export function addQuantity(a: Quantity, b: Quantity): Quantity {
  const format = a.unscaled === 0n ? b.format : a.format;
  const [x, y, scale] = align(a, b);
  return { unscaled: x + y, scale, format };
}

export function subQuantity(a: Quantity, b: Quantity): Quantity {
  return addQuantity(a, negateQuantity(b));
}

export function negateQuantity(q: Quantity): Quantity {
  return { unscaled: -q.unscaled, scale: q.scale, format: q.format };
}

/** `factor` is an integer. */
export function mulQuantity(q: Quantity, factor: number | bigint): Quantity {
  return { unscaled: q.unscaled * BigInt(factor), scale: q.scale, format: q.format };
}

/** Negative, zero or positive, as `a` is less than, equal to or greater than `b`. */
export function compareQuantity(a: Quantity, b: Quantity): number {
  const [x, y] = align(a, b);
  return x < y ? -1 : x > y ? 1 : 0;
}

/** As `compareQuantity`, of amounts as they stand in objects. Throws a QuantityError for what is none. */
export function compareAmounts(a: string, b: string): number {
  return compareQuantity(parseQuantity(a), parseQuantity(b));
}

/** Amounts by name: `1000m` is as much as `1`. */
export function sameQuantities(
  a: Readonly<Record<string, string>> = {},
  b: Readonly<Record<string, string>> = {},
): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => {
    const other = b[name];
    return other !== undefined && compareAmounts(a[name]!, other) === 0;
  });
}

export function signOf(q: Quantity): -1 | 0 | 1 {
  return q.unscaled === 0n ? 0 : q.unscaled < 0n ? -1 : 1;
}

/** The amount in units, rounded away from zero. */
export function quantityValue(q: Quantity): number {
  return Number(atScale(q, 0));
}

/** The amount in thousandths, rounded away from zero: `100m` of CPU is 100. */
export function quantityMilliValue(q: Quantity): number {
  return Number(atScale(q, -3));
}

/** The nearest floating-point number. */
export function quantityToNumber(q: Quantity): number {
  return Number(`${q.unscaled}e${q.scale}`);
}

/** Whether the amount is a whole number of units. */
export function isIntegerQuantity(q: Quantity): boolean {
  return q.scale >= 0 || q.unscaled % pow10(-q.scale) === 0n;
}

/** Upstream keeps texts that are almost canonical as they were written. */
function keepsText(
  integer: string,
  fraction: string,
  suffix: { readonly base: number; readonly exponent: number },
  magnitude: bigint,
): boolean {
  const digits = integer.replace(/^0+(?=.)/, "") + fraction;
  if (digits.length > 18) return false;
  if (suffix.base === 2) {
    return (
      fraction === "" &&
      (magnitude & 7n) !== 0n &&
      15 - digits.length - Math.floor(suffix.exponent * 0.3) - 1 >= 0
    );
  }
  const scale = suffix.exponent - fraction.length;
  return (
    scale >= NANO && scale % 3 === 0 && !digits.endsWith("000") && digits !== "" && !digits.startsWith("0")
  );
}

function binary(unscaled: bigint, scale: number): Omit<Quantity, "text"> {
  const rounded = roundToNano(unscaled, scale);
  const unit = pow10(-Math.min(rounded.scale, 0));
  if (rounded.unscaled > INT64_MAX * unit) return { unscaled: INT64_MAX, scale: 0, format: "BinarySI" };
  const belowOne = rounded.unscaled > 0n && rounded.unscaled < unit;
  return { ...rounded, format: belowOne ? "DecimalSI" : "BinarySI" };
}

function roundToNano(unscaled: bigint, scale: number): { readonly unscaled: bigint; readonly scale: number } {
  if (scale >= NANO) return { unscaled, scale };
  return { unscaled: divideUp(unscaled, pow10(NANO - scale)), scale: NANO };
}

function formatBinary(q: Quantity): string | undefined {
  if (q.format !== "BinarySI" || !isIntegerQuantity(q)) return undefined;
  let amount = atScale(q, 0);
  if (amount > -1024n && amount < 1024n) return undefined;
  let exponent = 0;
  while (amount % 1024n === 0n && exponent < 60) {
    amount /= 1024n;
    exponent += 10;
  }
  return `${amount}${suffixOf("BinarySI", exponent)}`;
}

function formatDecimal(q: Quantity): string {
  let { unscaled, scale } = q;
  while (unscaled % 10n === 0n) {
    unscaled /= 10n;
    scale++;
  }
  for (; scale % 3 !== 0; scale--) unscaled *= 10n;
  return `${unscaled}${suffixOf(q.format === "DecimalExponent" ? q.format : "DecimalSI", scale)}`;
}

function atScale(q: Quantity, scale: number): bigint {
  if (q.scale >= scale) return q.unscaled * pow10(q.scale - scale);
  return divideUp(q.unscaled, pow10(scale - q.scale));
}

function align(a: Quantity, b: Quantity): readonly [bigint, bigint, number] {
  if (a.scale === b.scale) return [a.unscaled, b.unscaled, a.scale];
  const scale = Math.min(a.scale, b.scale);
  return [atScale(a, scale), atScale(b, scale), scale];
}

/** Division that rounds away from zero. */
function divideUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  if (quotient * divisor === value) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}

function pow10(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}
