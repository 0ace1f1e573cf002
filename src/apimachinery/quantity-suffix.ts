/** The suffixes of quantities and the notations they belong to. @module */

/** `12M` (10^6), `12Mi` (2^20), `12e6`. */
export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

export interface Suffix {
  readonly base: 2 | 10;
  readonly exponent: number;
  readonly format: QuantityFormat;
}

const DECIMAL: readonly (readonly [string, number])[] = [
  ["n", -9],
  ["u", -6],
  ["m", -3],
  ["", 0],
  ["k", 3],
  ["M", 6],
  ["G", 9],
  ["T", 12],
  ["P", 15],
  ["E", 18],
];
const BINARY: readonly (readonly [string, number])[] = [
  ["Ki", 10],
  ["Mi", 20],
  ["Gi", 30],
  ["Ti", 40],
  ["Pi", 50],
  ["Ei", 60],
];

const bySuffix: ReadonlyMap<string, Suffix> = new Map<string, Suffix>([
  ...DECIMAL.map(([text, exponent]): [string, Suffix] => [text, { base: 10, exponent, format: "DecimalSI" }]),
  ...BINARY.map(([text, exponent]): [string, Suffix] => [text, { base: 2, exponent, format: "BinarySI" }]),
]);
const decimalByExponent: ReadonlyMap<number, string> = new Map(
  DECIMAL.map(([text, exponent]) => [exponent, text]),
);
const binaryByExponent: ReadonlyMap<number, string> = new Map([
  [0, ""],
  ...BINARY.map(([text, exponent]): [number, string] => [exponent, text]),
]);

/** undefined: no such suffix. */
export function parseSuffix(text: string): Suffix | undefined {
  const known = bySuffix.get(text);
  if (known !== undefined) return known;
  if (!/^[eE][-+]?[0-9]+$/.test(text)) return undefined;
  return { base: 10, exponent: Number(text.slice(1)), format: "DecimalExponent" };
}

/** The suffix for 10^exponent or 2^exponent; powers of ten beyond SI's are written as exponents. */
export function suffixOf(format: QuantityFormat, exponent: number): string {
  const known = format === "BinarySI" ? binaryByExponent.get(exponent) : decimalByExponent.get(exponent);
  if (exponent === 0) return "";
  return format === "DecimalExponent" || known === undefined ? `e${exponent}` : known;
}
