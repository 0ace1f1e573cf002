/** Regular expressions of users: RE2's, which take linear time whatever they are. @module */
import { messageOf } from "#apimachinery";
import { RE2JS } from "re2js";

export interface Pattern {
  /** True if any part of the text matches. */
  readonly matches: (text: string) => boolean;
}

/** Patterns that are kept compiled. */
const PATTERNS_MAX = 4096;
const compiled = new Map<string, RE2JS>();

/** Throws for what is no regular expression. The same text is compiled once. */
export function compilePattern(source: string): Pattern {
  const regex = re2(source);
  return { matches: (text) => regex.matcher(text).find() };
}

export function re2(source: string): RE2JS {
  const known = compiled.get(source);
  if (known !== undefined) return known;
  if (compiled.size >= PATTERNS_MAX) compiled.clear();
  const made = RE2JS.compile(source);
  compiled.set(source, made);
  return made;
}

/** Go's words for what is wrong with a pattern; undefined when nothing is. */
export function patternError(source: string): string | undefined {
  try {
    re2(source);
    return undefined;
  } catch (err) {
    return messageOf(err);
  }
}
