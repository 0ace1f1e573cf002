/** Where two values differ, for messages about what may not change. @module */
import { semanticEqual } from "../../validation/semantic-equal.ts";

const LINES_MAX = 20;

/** One line per field that was removed (`-`) or added (`+`), deepest fields only, at most `LINES_MAX`. */
export function specDifference(old: unknown, now: unknown): string {
  const lines = differences(old, now, "");
  const shown = lines.slice(0, LINES_MAX);
  return lines.length > LINES_MAX
    ? [...shown, `  ... ${lines.length - LINES_MAX} more`].join("\n")
    : shown.join("\n");
}

function differences(old: unknown, now: unknown, path: string): readonly string[] {
  if (semanticEqual(old, now)) return [];
  if (!isContainer(old) || !isContainer(now) || Array.isArray(old) !== Array.isArray(now)) {
    return [...line("-", path, old), ...line("+", path, now)];
  }
  const keys = new Set([...Object.keys(old), ...Object.keys(now)]);
  const below = (key: string): string =>
    Array.isArray(old) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
  return [...keys].flatMap((key) => differences(old[key], now[key], below(key)));
}

function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function line(sign: string, path: string, value: unknown): readonly string[] {
  return value === undefined ? [] : [`${sign} ${path}: ${JSON.stringify(value)}`];
}
