/** Words, quotes and variables in Dockerfile instructions. @module */
import { ImageBuildError } from "./errors.ts";

export type Variables = ReadonlyMap<string, string>;

/** Replaces `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+other}`; single quotes and the escape protect. */
export function expand(text: string, variables: Variables, escape: string): string {
  let result = "";
  let isSingleQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === "'") isSingleQuoted = !isSingleQuoted;
    if (char === escape && text[i + 1] === "$" && !isSingleQuoted) {
      result += "$";
      i++;
    } else if (char === "$" && !isSingleQuoted) {
      const [value, length] = variableAt(text.slice(i), variables, escape);
      result += value;
      i += length - 1;
    } else result += char;
  }
  return result;
}

/** The value of the variable that the text begins with, and the length of its name with all around it. */
function variableAt(text: string, variables: Variables, escape: string): readonly [string, number] {
  const [plain, name] = /^\$(\w+)/.exec(text) ?? [];
  if (plain !== undefined && name !== undefined) return [variables.get(name) ?? "", plain.length];
  const [opening, braced = "", operator] = /^\$\{(\w+)(:?[-+])?/.exec(text) ?? [];
  if (opening === undefined) return ["$", 1];
  const end = closingBrace(text);
  if (end < 0) throw new ImageBuildError(`Missing } in ${text}`);
  const word = text.slice(opening.length, end);
  if (operator === undefined && word !== "")
    throw new ImageBuildError(`Unsupported substitution ${text.slice(0, end + 1)}`);
  const value = variables.get(braced);
  const isSet =
    operator?.startsWith(":") === true ? value !== undefined && value !== "" : value !== undefined;
  const alternative = (): string => expand(word, variables, escape);
  if (operator?.endsWith("-") === true) return [isSet ? (value ?? "") : alternative(), end + 1];
  if (operator?.endsWith("+") === true) return [isSet ? alternative() : "", end + 1];
  return [value ?? "", end + 1];
}

function closingBrace(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  return -1;
}

/** Splits at blanks outside quotes, and removes quotes and escapes. */
export function words(text: string, escape: string): readonly string[] {
  const result: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (quote === undefined && /\s/.test(char)) {
      if (word !== undefined) result.push(word);
      word = undefined;
    } else if (quote === undefined && (char === '"' || char === "'")) {
      quote = char;
      word ??= "";
    } else if (char === quote) quote = undefined;
    else if (char === escape && quote !== "'" && i + 1 < text.length) word = (word ?? "") + text[++i]!;
    else word = (word ?? "") + char;
  }
  if (quote !== undefined) throw new ImageBuildError(`Missing closing ${quote} in ${text}`);
  if (word !== undefined) result.push(word);
  return result;
}

/** `A=1 B="2 3"`, or the old form `A the rest`. */
export function assignments(text: string, escape: string): readonly (readonly [string, string])[] {
  const [, name = "", rest = ""] = /^([^\s=]+)\s+([^]*)$/.exec(text) ?? [];
  if (name !== "") return [[name, rest]];
  return words(text, escape).map((word) => {
    const at = word.indexOf("=");
    if (at <= 0) throw new ImageBuildError(`Expected NAME=VALUE, not ${word}`);
    return [word.slice(0, at), word.slice(at + 1)];
  });
}
