/** Functions on strings. @module */
import { fn, type Declaration } from "../functions.ts";
import { CelError, typeOfValue, type CelValue } from "../values.ts";
import { format } from "./format.ts";

const runes = (text: string): readonly string[] => Array.from(text);

function outOfRange(index: bigint): CelError {
  return new CelError(`index out of range: ${index}`);
}

function charAt(text: string, at: bigint): string {
  const chars = runes(text);
  if (at < 0n || at > chars.length) throw outOfRange(at);
  return chars[Number(at)] ?? "";
}

/** Where `part` begins at or after `from`, or before it when `step` is -1. */
function search(chars: readonly string[], part: readonly string[], from: number, step: 1 | -1): bigint {
  const last = chars.length - part.length;
  for (let at = step === 1 ? from : Math.min(from, last); at >= 0 && at <= last; at += step) {
    if (part.every((char, i) => chars[at + i] === char)) return BigInt(at);
  }
  return -1n;
}

function indexOf(text: string, part: string, offset: bigint = 0n): bigint {
  if (part === "") return offset;
  if (offset < 0n) throw outOfRange(offset);
  return search(runes(text), runes(part), Number(offset), 1);
}

function lastIndexOf(text: string, part: string, offset?: bigint): bigint {
  const chars = runes(text);
  if (part === "") return offset ?? BigInt(chars.length);
  if (offset !== undefined && offset < 0n) throw outOfRange(offset);
  if (offset !== undefined && offset >= chars.length) return -1n;
  return search(chars, runes(part), Number(offset ?? chars.length), -1);
}

function replace(text: string, from: string, to: string, limit: bigint = -1n): string {
  if (limit < 0n) return from === "" ? betweenAll(text, to) : text.replaceAll(from, () => to);
  if (from === "") return betweenAll(text, to, Number(limit));
  const parts = text.split(from);
  const count = Math.min(Number(limit), parts.length - 1);
  return [parts.slice(0, count + 1).join(to), ...parts.slice(count + 1)].join(from);
}

/** Go replaces the empty string before each character and at the end. */
function betweenAll(text: string, to: string, limit: number = Number.POSITIVE_INFINITY): string {
  const chars = runes(text);
  const put = (i: number): string => (i < limit ? to : "");
  return chars.map((char, i) => put(i) + char).join("") + put(chars.length);
}

function split(text: string, separator: string, limit: bigint = -1n): readonly string[] {
  if (limit === 0n) return [];
  const parts = separator === "" ? runes(text) : text.split(separator);
  if (limit < 0n || parts.length <= limit) return parts;
  const kept = Number(limit) - 1;
  return [...parts.slice(0, kept), parts.slice(kept).join(separator)];
}

function substring(text: string, start: bigint, end?: bigint): string {
  const chars = runes(text);
  if (end !== undefined && start > end) {
    throw new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  }
  if (start < 0n || start > chars.length) throw outOfRange(start);
  if (end !== undefined && end > chars.length) throw outOfRange(end);
  return chars.slice(Number(start), end === undefined ? undefined : Number(end)).join("");
}

function join(list: readonly CelValue[], separator: string = ""): string {
  for (const item of list) {
    if (typeof item !== "string") throw new CelError(`join: invalid input: ${typeOfValue(item).name}`);
  }
  return (list as readonly string[]).join(separator);
}

/** Go's unicode.IsSpace, which has no byte order mark. */
function trim(text: string): string {
  return text.replaceAll(
    /^[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g,
    "",
  );
}

const QUOTED: Readonly<Record<string, string>> = {
  "\u0007": String.raw`\a`,
  "\b": String.raw`\b`,
  "\f": String.raw`\f`,
  "\n": String.raw`\n`,
  "\r": String.raw`\r`,
  "\t": String.raw`\t`,
  "\v": String.raw`\v`,
  "\\": "\\\\",
  '"': String.raw`\"`,
};

function quote(text: string): string {
  return `"${runes(text.toWellFormed())
    .map((char) => QUOTED[char] ?? char)
    .join("")}"`;
}

export const STRINGS: readonly Declaration[] = [
  fn("contains", "contains_string", "string.(string): bool", (a: string, b: string) => a.includes(b)),
  fn("endsWith", "ends_with_string", "string.(string): bool", (a: string, b: string) => a.endsWith(b)),
  fn("startsWith", "starts_with_string", "string.(string): bool", (a: string, b: string) => a.startsWith(b)),
  fn("charAt", "string_char_at_int", "string.(int): string", charAt),
  fn("indexOf", "string_index_of_string", "string.(string): int", indexOf),
  fn("indexOf", "string_index_of_string_int", "string.(string, int): int", indexOf),
  fn("lastIndexOf", "string_last_index_of_string", "string.(string): int", lastIndexOf),
  fn("lastIndexOf", "string_last_index_of_string_int", "string.(string, int): int", lastIndexOf),
  fn("lowerAscii", "string_lower_ascii", "string.(): string", (text: string) =>
    text.replaceAll(/[A-Z]/g, (char) => char.toLowerCase()),
  ),
  fn("upperAscii", "string_upper_ascii", "string.(): string", (text: string) =>
    text.replaceAll(/[a-z]/g, (char) => char.toUpperCase()),
  ),
  fn("replace", "string_replace_string_string", "string.(string, string): string", replace),
  fn("replace", "string_replace_string_string_int", "string.(string, string, int): string", replace),
  fn("split", "string_split_string", "string.(string): list<string>", split),
  fn("split", "string_split_string_int", "string.(string, int): list<string>", split),
  fn("substring", "string_substring_int", "string.(int): string", substring),
  fn("substring", "string_substring_int_int", "string.(int, int): string", substring),
  fn("trim", "string_trim", "string.(): string", trim),
  fn("join", "list_join", "list<string>.(): string", join),
  fn("join", "list_join_string", "list<string>.(string): string", join),
  fn("format", "string_format", "string.(list<dyn>): string", format),
  fn("strings.quote", "strings_quote", "(string): string", quote),
];
