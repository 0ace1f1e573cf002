/** Regular expressions of users: RE2's, which take linear time whatever they are. @module */
import { messageOf } from "../../thrown.ts";
import { RE2JS } from "re2js";
import { fn, fns, type Declaration } from "../functions.ts";
import { CelError } from "../values.ts";

/** Patterns that are kept compiled. */
const PATTERNS_MAX = 1024;
const compiled = new Map<string, RE2JS>();

/** Throws CelError for what is no regular expression. */
export function re2(source: string): RE2JS {
  const known = compiled.get(source);
  if (known !== undefined) return known;
  if (compiled.size >= PATTERNS_MAX) compiled.clear();
  try {
    const made = RE2JS.compile(source);
    compiled.set(source, made);
    return made;
  } catch (cause) {
    throw new CelError(messageOf(cause), { cause });
  }
}

function find(text: string, pattern: string): string {
  const matcher = re2(pattern).matcher(text);
  return matcher.find() ? (matcher.group() ?? "") : "";
}

function findAll(text: string, pattern: string, max: bigint = -1n): readonly string[] {
  const matcher = re2(pattern).matcher(text);
  const found: string[] = [];
  for (let left = max; left !== 0n && matcher.find(); left--) found.push(matcher.group() ?? "");
  return found;
}

export const REGEX: readonly Declaration[] = [
  ...fns("matches", (text: string, pattern: string) => re2(pattern).matcher(text).find(), {
    matches: "(string, string): bool",
    matches_string: "string.(string): bool",
  }),
  fn("find", "string_find_string", "string.(string): string", find),
  fn("findAll", "string_find_all_string", "string.(string): list<string>", findAll),
  fn("findAll", "string_find_all_string_int", "string.(string, int): list<string>", findAll),
];
