/** Tokens of the label selector language. @module */

export type TokenType =
  | "identifier"
  | "in"
  | "notin"
  | ")"
  | "("
  | ","
  | "!"
  | "="
  | "=="
  | "!="
  | ">"
  | "<"
  | "end"
  | "error";

export interface Token {
  readonly type: TokenType;
  readonly literal: string;
}

const SYMBOLS: readonly TokenType[] = [")", ",", "!", "==", "=", ">", "<", "!=", "("];
const SPECIAL = /^[=!(),><]+/;
const IDENTIFIER = /^[^=!(),>< \t\r\n]+/;

/** All tokens of `text`; the last one is always `end`. */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let rest = text;
  for (;;) {
    rest = rest.replace(/^[ \t\r\n]+/, "");
    if (rest === "") return [...tokens, { type: "end", literal: "" }];
    const token = symbolAt(rest) ?? wordAt(rest);
    tokens.push(token);
    rest = rest.slice(token.literal.length);
  }
}

function symbolAt(text: string): Token | undefined {
  const run = SPECIAL.exec(text)?.[0];
  if (run === undefined) return undefined;
  const two = SYMBOLS.find((symbol) => symbol.length === 2 && run.startsWith(symbol));
  const type = two ?? (run[0] as TokenType);
  return { type, literal: type };
}

function wordAt(text: string): Token {
  const literal = IDENTIFIER.exec(text)![0];
  return { type: literal === "in" || literal === "notin" ? literal : "identifier", literal };
}
