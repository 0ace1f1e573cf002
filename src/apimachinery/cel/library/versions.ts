/** `semver("1.2.3")`: semantic versions in expressions. @module */
import { quote } from "../../quote.ts";
import { fn, fns, type Declaration } from "../functions.ts";
import { structOf, type CelType } from "../types.ts";
import { CelError, NamedValue } from "../values.ts";

const TYPE: CelType = structOf("kubernetes.Semver");
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$/;

class Semver extends NamedValue {
  readonly numbers: readonly bigint[];
  readonly prerelease: readonly string[];

  constructor(text: string) {
    super();
    const [, major, minor, patch, prerelease] = SEMVER.exec(text) ?? [];
    if (major === undefined) throw new CelError(why(text));
    this.numbers = [BigInt(major), BigInt(minor!), BigInt(patch!)];
    this.prerelease = prerelease?.split(".") ?? [];
  }

  get celType(): CelType {
    return TYPE;
  }

  equals(other: NamedValue): boolean {
    return other instanceof Semver && compare(this, other) === 0;
  }
}

function why(text: string): string {
  if (text === "") return "Version string empty";
  const parts = text.split(".", 3);
  if (parts.length < 3) return "No Major.Minor.Patch elements found";
  return `Invalid character(s) found in version number ${quote(text)}`;
}

/** `v1.02` is meant to be `1.2.0`. */
function normalized(text: string): string {
  const [major = "", minor, rest] = splitThree(text.replace(/^v/, "")).map(withoutZeros);
  if (rest !== undefined) return `${major}.${minor}.${rest}`;
  const last = minor ?? major;
  if (/[-+]/.test(last)) throw new CelError("Short version cannot contain PreRelease/Build meta data");
  return minor === undefined ? `${major}.0.0` : `${major}.${minor}.0`;
}

function splitThree(text: string): readonly string[] {
  const parts = text.split(".");
  return parts.length <= 3 ? parts : [...parts.slice(0, 2), parts.slice(2).join(".")];
}

function withoutZeros(part: string): string {
  const trimmed = part.length > 1 ? part.replace(/^0+/, "") : part;
  return part.length > 1 && !/^\d/.test(trimmed) ? `0${trimmed}` : trimmed;
}

const parse = (text: string, isLoose = false): Semver => new Semver(isLoose ? normalized(text) : text);

function isSemver(text: string, isLoose = false): boolean {
  try {
    parse(text, isLoose);
    return true;
  } catch (err) {
    if (err instanceof CelError) return false;
    throw err;
  }
}

function compare(a: Semver, b: Semver): number {
  for (const [i, number] of a.numbers.entries()) {
    if (number !== b.numbers[i]) return number < b.numbers[i]! ? -1 : 1;
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0) {
    return Math.sign(b.prerelease.length - a.prerelease.length);
  }
  for (const [i, part] of a.prerelease.entries()) {
    const other = b.prerelease[i];
    if (other === undefined) return 1;
    const order = comparePart(part, other);
    if (order !== 0) return order;
  }
  return a.prerelease.length < b.prerelease.length ? -1 : 0;
}

/** Numbers come before words. */
function comparePart(a: string, b: string): number {
  const [isNumber, isOtherNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  if (isNumber) return Math.sign(Number(a) - Number(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

const V = "kubernetes.Semver";
const number = (at: 0 | 1 | 2) => (version: Semver) => version.numbers[at]!;

export const VERSIONS: readonly Declaration[] = [
  ...fns("semver", parse, {
    string_to_semver: `(string): ${V}`,
    string_bool_to_semver: `(string, bool): ${V}`,
  }),
  ...fns("isSemver", isSemver, {
    is_semver_string: "(string): bool",
    is_semver_string_bool: "(string, bool): bool",
  }),
  fn("major", "semver_major", `${V}.(): int`, number(0)),
  fn("minor", "semver_minor", `${V}.(): int`, number(1)),
  fn("patch", "semver_patch", `${V}.(): int`, number(2)),
  fn("isLessThan", "semver_is_less_than", `${V}.(${V}): bool`, (a: Semver, b: Semver) => compare(a, b) < 0),
  fn(
    "isGreaterThan",
    "semver_is_greater_than",
    `${V}.(${V}): bool`,
    (a: Semver, b: Semver) => compare(a, b) > 0,
  ),
  fn("compareTo", "semver_compare_to", `${V}.(${V}): int`, (a: Semver, b: Semver) => BigInt(compare(a, b))),
];
