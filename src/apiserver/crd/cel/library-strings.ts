/** Functions on strings, and regular expressions in linear time. @module */
import type { Environment } from "@marcbachmann/cel-js";
import { re2 } from "../regex.ts";
import type { Texted } from "./equal.ts";
import { registerNamespace } from "./namespace.ts";

/** What `matches` is called inside: the library's own takes exponential time on hostile patterns. */
export const MATCHES = "matchesRE2";

export function registerStrings(env: Environment): void {
  const strings = registerNamespace(env, "strings");
  env
    .registerFunction(`string.${MATCHES}(string): bool`, matches)
    .registerFunction(`${MATCHES}(string, string): bool`, matches)
    .registerFunction("string.charAt(int): string", (text: string, at: bigint) => charAt(text, Number(at)))
    .registerFunction("string.replace(string, string): string", (text: string, from: string, to: string) =>
      text.replaceAll(from, () => to),
    )
    .registerFunction(
      "string.replace(string, string, int): string",
      (text: string, from: string, to: string, limit: bigint) => replace(text, from, to, Number(limit)),
    )
    .registerFunction("string.reverse(): string", (text: string) => Array.from(text).toReversed().join(""))
    .registerFunction(`${strings}.quote(string): string`, (_: unknown, text: string) => JSON.stringify(text))
    .registerFunction("string.format(list): string", (text: string, args: readonly unknown[]) =>
      format(text, args),
    )
    .registerFunction("string.find(string): string", (text: string, pattern: string) => {
      const matcher = re2(pattern).matcher(text);
      return matcher.find() ? (matcher.group() ?? "") : "";
    })
    .registerFunction("string.findAll(string): list<string>", (text: string, pattern: string) =>
      findAll(text, pattern, Number.POSITIVE_INFINITY),
    )
    .registerFunction(
      "string.findAll(string, int): list<string>",
      (text: string, pattern: string, max: bigint) =>
        findAll(text, pattern, max < 0n ? Number.POSITIVE_INFINITY : Number(max)),
    );
}

function matches(text: string, pattern: string): boolean {
  return re2(pattern).matcher(text).find();
}

function charAt(text: string, at: number): string {
  const runes = Array.from(text);
  if (at < 0 || at > runes.length) throw new Error(`index out of range: ${at}`);
  return runes[at] ?? "";
}

function replace(text: string, from: string, to: string, limit: number): string {
  if (limit < 0) return text.replaceAll(from, () => to);
  const parts = text.split(from);
  const replaced = Math.min(limit, parts.length - 1);
  return (
    parts.slice(0, replaced + 1).join(to) +
    parts
      .slice(replaced + 1)
      .map((part) => from + part)
      .join("")
  );
}

function findAll(text: string, pattern: string, max: number): readonly string[] {
  const matcher = re2(pattern).matcher(text);
  const found: string[] = [];
  while (found.length < max && matcher.find()) found.push(matcher.group() ?? "");
  return found;
}

/** `%s %d %f %e %b %x %X %o %%`. */
function format(text: string, args: readonly unknown[]): string {
  let at = 0;
  return text.replaceAll(/%(?:\.(\d+))?(.)/g, (_whole, precision: string | undefined, verb: string) => {
    if (verb === "%") return "%";
    if (at >= args.length) throw new Error(`index ${at} out of range`);
    return formatOne(verb, args[at++], precision === undefined ? 6 : Number(precision));
  });
}

function formatOne(verb: string, value: unknown, precision: number): string {
  const number = (): number => {
    if (typeof value !== "number" && typeof value !== "bigint") throw new Error(`%${verb} needs a number`);
    return Number(value);
  };
  switch (verb) {
    case "s":
      return typeof value === "string" ? value : textOf(value);
    case "d":
      if (typeof value !== "bigint") throw new Error("decimal clause can only be used on integers");
      return String(value);
    case "f":
      return number().toFixed(precision);
    case "e":
      return number().toExponential(precision);
    case "b":
      return typeof value === "boolean" ? String(Number(value)) : (value as bigint).toString(2);
    case "o":
      return (value as bigint).toString(8);
    case "x":
    case "X": {
      const hex =
        typeof value === "string" ? Buffer.from(value).toString("hex") : (value as bigint).toString(16);
      return verb === "X" ? hex.toUpperCase() : hex;
    }
    default:
      throw new Error(`unrecognized formatting clause "${verb}"`);
  }
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(", ")}]`;
  // Durations, times and addresses have a text of their own.
  return value === null ? "null" : (value as Texted).toString();
}
