/** The words of an expression. @module */
import { messageOf } from "../thrown.ts";
import { CelIssues } from "./source-error.ts";
import { unescape } from "./unescape.ts";
import { Uint, type CelValue } from "./values.ts";

export interface Token {
  readonly kind: "ident" | "escaped" | "literal" | "punct" | "end";
  /** As it is written. */
  readonly text: string;
  readonly pos: number;
  /** Of a literal. */
  readonly value: CelValue;
}

const SPACE = /(?:[\t\n\f\r ]|\/\/[^\n]*)+/y;
const NUMBER =
  /0x[0-9a-fA-F]+u?|(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)|\d+[uU]?/y;
const STRING =
  /(?:[bB][rR]?|[rR][bB]?)?(?:"""[\s\S]*?(?<!\\)(?:\\\\)*"""|'''[\s\S]*?(?<!\\)(?:\\\\)*''')|(?:[bB]?[rR]|[rR][bB])(?:"[^"\n\r]*"|'[^'\n\r]*')|[bB]?(?:"(?:\\[^\n\r]|[^"\\\n\r])*"|'(?:\\[^\n\r]|[^'\\\n\r])*')/y;
const IDENT = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const ESCAPED = /`[_a-zA-Z0-9.\-/ ]+`/y;
const PUNCT = /==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()[\]{}]/y;

const INT_MAX = 2n ** 63n;
const UINT_MAX = 2n ** 64n - 1n;
const NULL: CelValue = null;

/** Throws CelIssues for characters that begin no word. */
export function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = [];
  const points = codePointsAt(source);
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };
  for (;;) {
    at += match(SPACE)?.length ?? 0;
    const pos = points(at);
    if (at >= source.length) {
      tokens.push({ kind: "end", text: "<EOF>", pos, value: NULL });
      return tokens;
    }
    const next = wordAt(match, pos, source);
    if (next === undefined) {
      const [char = ""] = source.slice(at);
      throw new CelIssues(source, [{ pos, message: `Syntax error: token recognition error at: '${char}'` }]);
    }
    tokens.push(next);
    at += next.text.length;
  }
}

function wordAt(
  match: (pattern: RegExp) => string | undefined,
  pos: number,
  source: string,
): Token | undefined {
  const fail = (message: string): never => {
    throw new CelIssues(source, [{ pos, message }]);
  };
  const string = match(STRING);
  if (string !== undefined) return { kind: "literal", text: string, pos, value: stringValue(string, fail) };
  const number = match(NUMBER);
  if (number !== undefined) return { kind: "literal", text: number, pos, value: numberValue(number, fail) };
  const word = match(IDENT);
  if (word !== undefined) return wordToken(word, pos);
  const escaped = match(ESCAPED);
  if (escaped !== undefined) return { kind: "escaped", text: escaped, pos, value: escaped.slice(1, -1) };
  const punct = match(PUNCT);
  return punct === undefined ? undefined : { kind: "punct", text: punct, pos, value: NULL };
}

function wordToken(text: string, pos: number): Token {
  switch (text) {
    case "true":
    case "false":
      return { kind: "literal", text, pos, value: text === "true" };
    case "null":
      return { kind: "literal", text, pos, value: NULL };
    case "in":
      return { kind: "punct", text, pos, value: NULL };
    default:
      return { kind: "ident", text, pos, value: NULL };
  }
}

/** The parser joins a minus with its number, so 2^63 is let through here. */
function numberValue(text: string, fail: (message: string) => never): CelValue {
  const isHex = text.startsWith("0x");
  if (!isHex && /[.eE]/.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : fail("invalid double literal");
  }
  if (/[uU]$/.test(text)) {
    const value = BigInt(text.slice(0, -1));
    return value <= UINT_MAX ? new Uint(value) : fail("invalid uint literal");
  }
  const value = BigInt(text);
  return value <= INT_MAX ? value : fail("invalid int literal");
}

function stringValue(text: string, fail: (message: string) => never): CelValue {
  const prefix = /^[bBrR]*/.exec(text)![0].toLowerCase();
  const quoted = text.slice(prefix.length);
  const width = /^("""|''')/.test(quoted) ? 3 : 1;
  const body = quoted.slice(width, -width).replaceAll(/\r\n?/g, "\n");
  const isBytes = prefix.includes("b");
  if (prefix.includes("r")) return isBytes ? new TextEncoder().encode(body) : body;
  try {
    return unescape(body, isBytes);
  } catch (err) {
    return fail(messageOf(err));
  }
}

/** From UTF-16 units to code points, which rise together. */
function codePointsAt(source: string): (at: number) => number {
  let unit = 0;
  let point = 0;
  return (at) => {
    for (; unit < at; point++) unit += (source.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
    return point;
  };
}
