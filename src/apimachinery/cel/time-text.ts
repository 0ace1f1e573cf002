/** Times and spans of time as text, to the nanosecond. @module */
import { CelError } from "./values.ts";

const SECOND = 1_000_000_000n;
const RFC3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[-+]\d\d:\d\d)$/;
/** Years 1 to 9999. */
const NANOS_MIN = -62_135_596_800n * SECOND;
const NANOS_MAX = 253_402_300_800n * SECOND - 1n;

/** Throws CelError. */
export function parseTimestamp(text: string): bigint {
  const [, date, time, fraction = "", zone] = RFC3339.exec(text) ?? [];
  const ms = date === undefined ? Number.NaN : Date.parse(`${date}T${time}${zone!.toUpperCase()}`);
  const isReal = !Number.isNaN(ms) && isCalendarDay(date!);
  if (!isReal) throw new CelError(`type conversion error from 'string' to 'google.protobuf.Timestamp'`);
  return checkTimestamp(BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0")));
}

function isCalendarDay(date: string): boolean {
  const ms = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date);
}

export function checkTimestamp(nanos: bigint): bigint {
  if (nanos < NANOS_MIN || nanos > NANOS_MAX) throw new CelError("timestamp overflow");
  return nanos;
}

/** RFC 3339 in UTC, with as many digits as there are. */
export function formatTimestamp(nanos: bigint): string {
  const seconds = floorDiv(nanos, SECOND);
  const rest = nanos - seconds * SECOND;
  const head = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return rest === 0n ? `${head}Z` : `${head}.${rest.toString().padStart(9, "0").replace(/0+$/, "")}Z`;
}

export function floorDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3600n * SECOND,
};
const INT64_MAX = 2n ** 63n - 1n;

/** `1h30m`, `-1.5s`, `0`. Throws CelError. */
export function parseDurationNanos(text: string): bigint {
  const invalid = new CelError(`time: invalid duration "${text}"`);
  const unsigned = text.replace(/^[-+]/, "");
  if (unsigned === "0") return 0n;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(unsigned)) throw invalid;
  let nanos = 0n;
  for (const [, integer = "", fraction = "", unit] of unsigned.matchAll(
    /(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g,
  )) {
    nanos += (BigInt(integer + fraction) * UNITS[unit!]!) / 10n ** BigInt(fraction.length);
  }
  if (nanos > INT64_MAX) throw invalid;
  return text.startsWith("-") ? -nanos : nanos;
}

/** `3723s`, `1.5s`: what `string()` makes of a duration. */
export function formatSeconds(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos;
  const rest = (size % SECOND).toString().padStart(9, "0").replace(/0+$/, "");
  return `${nanos < 0n ? "-" : ""}${size / SECOND}${rest === "" ? "" : `.${rest}`}s`;
}
