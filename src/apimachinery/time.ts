/** Timestamps: `metav1.Time` (whole seconds) and `metav1.MicroTime`, always written in UTC. @module */
import { quote } from "./quote.ts";

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;

export class TimeError extends Error {
  override readonly name = "TimeError";
}

/** `2026-01-02T03:04:05Z`. */
export function formatTime(ms: number): string {
  const second = Math.floor(ms / 1000);
  // Whoever asks for the present asks for the same second many times.
  if (second !== lastSecond) {
    lastText = `${new Date(ms).toISOString().slice(0, 19)}Z`;
    lastSecond = second;
  }
  return lastText;
}

let lastSecond = Number.NaN;
let lastText = "";

/** `2026-01-02T03:04:05.123456Z`; fractions of a millisecond are the microseconds. */
export function formatMicroTime(ms: number): string {
  const micros = Math.floor(ms * 1000);
  const fraction = ((micros % 1_000_000) + 1_000_000) % 1_000_000;
  return `${new Date(Math.floor(ms)).toISOString().slice(0, 19)}.${String(fraction).padStart(6, "0")}Z`;
}

/** ms since 1970 of any RFC 3339 time. Throws `TimeError` with the text Go's parser gives. */
export function parseTime(text: string): number {
  const match = RFC3339.exec(text);
  const ms = match === null ? Number.NaN : millisOf(match);
  if (Number.isNaN(ms)) throw new TimeError(whyNot(text));
  return ms;
}

export function isTime(text: string): boolean {
  const match = RFC3339.exec(text);
  return match !== null && !Number.isNaN(millisOf(match));
}

/** The text as the API stores it: UTC, whole seconds. */
export function canonicalTime(text: string): string {
  return formatTime(parseTime(text));
}

/** UTC with six digits. */
export function canonicalMicroTime(text: string): string {
  const fraction = RFC3339.exec(text)?.[7] ?? "";
  // Without it: far from 1970 the sum of both would round up to the next second.
  const whole = formatTime(parseTime(fraction === "" ? text : text.replace(/[.,]\d+/, ""))).slice(0, -1);
  return `${whole}.${fraction.slice(0, 6).padEnd(6, "0")}Z`;
}

function millisOf(match: RegExpExecArray): number {
  const [, year, month, day, hour, minute, second, fraction = "", zone = "Z"] = match;
  const parts = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (!isDate(parts)) return Number.NaN;
  const [y, mo, d, h, mi, s] = parts;
  const date = new Date(Date.UTC(2000, mo - 1, d, h, mi, s));
  date.setUTCFullYear(y, mo - 1, d);
  const milli = fraction === "" ? 0 : Number(`0.${fraction}`) * 1000;
  return date.getTime() + milli - offsetMs(zone);
}

function isDate([year, month, day, hour, minute, second]: readonly number[]): boolean {
  if (month! < 1 || month! > 12 || day! < 1 || hour! > 23 || minute! > 59 || second! > 59) return false;
  const leap = (year! % 4 === 0 && year! % 100 !== 0) || year! % 400 === 0;
  const days = month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month!) ? 30 : 31;
  return day! <= days;
}

function offsetMs(zone: string): number {
  if (zone === "Z") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  if (minutes > 24 * 60 || Number(zone.slice(4, 6)) > 59) return Number.NaN;
  return (zone.startsWith("-") ? -minutes : minutes) * 60_000;
}

/** Go names the first part of the layout that does not fit. */
function whyNot(text: string): string {
  const layout: readonly (readonly [RegExp, string])[] = [
    [/^\d{4}/, "2006"],
    [/^-/, "-"],
    [/^\d\d/, "01"],
    [/^-/, "-"],
    [/^\d\d/, "02"],
    [/^T/, "T"],
    [/^\d\d/, "15"],
    [/^:/, ":"],
    [/^\d\d/, "04"],
    [/^:/, ":"],
    [/^\d\d(?:[.,]\d+)?/, "05"],
    [/^(?:Z|[+-]\d\d:\d\d)/, "Z07:00"],
  ];
  const start = `parsing time ${quote(text)}`;
  let rest = text;
  for (const [pattern, name] of layout) {
    const match = pattern.exec(rest);
    if (match === null)
      return `${start} as "2006-01-02T15:04:05Z07:00": cannot parse ${quote(rest)} as ${quote(name)}`;
    rest = rest.slice(match[0].length);
  }
  return rest === "" ? `${start}: day out of range` : `${start}: extra text: ${quote(rest)}`;
}
