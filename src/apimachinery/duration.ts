/** Durations in Go's notation (`1h30m`), and as kubectl prints ages. All are numbers of milliseconds. @module */
import { quote } from "./quote.ts";

const NANOS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const INT64_MAX = 2n ** 63n - 1n;

/** ms of `1h30m`, `1.5s`, `-2ms`, `0`. Throws with the text of Go's `time.ParseDuration`. */
export function parseDuration(text: string): number {
  const invalid = new Error(`time: invalid duration ${quote(text)}`);
  const unsigned = text.replace(/^[-+]/, "");
  if (unsigned === "0") return 0;
  if (unsigned === "") throw invalid;
  let nanos = 0n;
  for (let rest = unsigned; rest !== "";) {
    const match = /^([0-9]*)(?:\.([0-9]*))?([^0-9.]*)/.exec(rest)!;
    const [part, integer = "", fraction = "", unit = ""] = match;
    if (integer === "" && fraction === "") throw invalid;
    if (unit === "") throw new Error(`time: missing unit in duration ${quote(text)}`);
    const nanosPerUnit = NANOS[unit];
    if (nanosPerUnit === undefined)
      throw new Error(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`);
    const scale = 10n ** BigInt(fraction.length);
    nanos += (BigInt(integer + fraction) * nanosPerUnit) / scale;
    if (nanos > INT64_MAX) throw invalid;
    rest = rest.slice(part.length);
  }
  return (Number(nanos) / 1e6) * (text.startsWith("-") ? -1 : 1);
}

/** Go's `Duration.String`: `1h30m0s`, `1.5s`, `100ms`, `0s`. */
export function formatDuration(ms: number): string {
  const nanos = BigInt(Math.round(Math.abs(ms) * 1e6));
  if (nanos === 0n) return "0s";
  return (ms < 0 ? "-" : "") + (nanos < 1_000_000_000n ? subSecond(nanos) : fromSecond(nanos));
}

/** The age that kubectl prints: two or three significant figures. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return pair(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return pair(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 24 * 8) return pair(days, "d", hours % 24, "h");
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  return hours < 24 * 365 * 8 ? pair(years, "y", days % 365, "d") : `${years}y`;
}

/** One unit only, as older columns print it. */
export function shortHumanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.trunc(seconds / 60)}m`;
  const hours = Math.trunc(seconds / 3600);
  if (hours < 24) return `${hours}h`;
  return hours < 24 * 365 ? `${Math.trunc(hours / 24)}d` : `${Math.trunc(hours / 24 / 365)}y`;
}

function pair(a: number, unitA: string, b: number, unitB: string): string {
  return b === 0 ? `${a}${unitA}` : `${a}${unitA}${b}${unitB}`;
}

function subSecond(nanos: bigint): string {
  if (nanos < 1000n) return `${nanos}ns`;
  return nanos < 1_000_000n ? `${decimal(nanos, 3)}µs` : `${decimal(nanos, 6)}ms`;
}

function fromSecond(nanos: bigint): string {
  const minutes = nanos / NANOS["m"]!;
  const hours = minutes / 60n;
  const seconds = `${decimal(nanos % NANOS["m"]!, 9)}s`;
  if (minutes === 0n) return seconds;
  return hours === 0n ? `${minutes}m${seconds}` : `${hours}h${minutes % 60n}m${seconds}`;
}

/** value / 10^digits without trailing zeros. */
function decimal(value: bigint, digits: number): string {
  const text = value.toString().padStart(digits + 1, "0");
  const fraction = text.slice(-digits).replace(/0+$/, "");
  const integer = text.slice(0, -digits);
  return fraction === "" ? integer : `${integer}.${fraction}`;
}
