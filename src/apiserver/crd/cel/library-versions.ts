/** `semver("1.2.3")`: semantic versions in rules. @module */
import type { Environment } from "@marcbachmann/cel-js";

const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$/;

export class Semver {
  readonly numbers: readonly bigint[];
  readonly prerelease: readonly string[];
  readonly text: string;

  constructor(text: string) {
    const [, major, minor, patch, prerelease] = SEMVER.exec(text) ?? [];
    if (major === undefined) throw new Error(`Invalid semantic version: ${JSON.stringify(text)}`);
    this.text = text;
    this.numbers = [BigInt(major), BigInt(minor!), BigInt(patch!)];
    this.prerelease = prerelease?.split(".") ?? [];
  }

  toString(): string {
    return this.text;
  }
}

export function registerVersions(env: Environment): void {
  env
    .registerType("Semver", { ctor: Semver, fields: {} })
    .registerFunction("semver(string): Semver", (text: string) => new Semver(text))
    .registerFunction("isSemver(string): bool", (text: string) => SEMVER.test(text))
    .registerFunction("Semver.major(): int", (version: Semver) => version.numbers[0])
    .registerFunction("Semver.minor(): int", (version: Semver) => version.numbers[1])
    .registerFunction("Semver.patch(): int", (version: Semver) => version.numbers[2])
    .registerFunction("Semver.isLessThan(Semver): bool", (a: Semver, b: Semver) => compare(a, b) < 0)
    .registerFunction("Semver.isGreaterThan(Semver): bool", (a: Semver, b: Semver) => compare(a, b) > 0)
    .registerFunction("Semver.compareTo(Semver): int", (a: Semver, b: Semver) => BigInt(compare(a, b)))
    .registerOperator("Semver == Semver", (a: Semver, b: Semver) => compare(a, b) === 0);
}

function compare(a: Semver, b: Semver): number {
  for (const [i, number] of a.numbers.entries()) {
    if (number !== b.numbers[i]) return number < b.numbers[i]! ? -1 : 1;
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0)
    return Math.sign(b.prerelease.length - a.prerelease.length);
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
  if (isNumber) return Number(a) - Number(b);
  return a < b ? -1 : a > b ? 1 : 0;
}
