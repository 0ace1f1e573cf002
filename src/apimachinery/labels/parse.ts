/** The label selector language: `x in (a,b),y!=1,!z`. Errors are upstream's, which kubectl's users know. @module */
import { sorted } from "../text.ts";
import { tokenize, type Token, type TokenType } from "./lexer.ts";
import { invalidKey, newRequirement, SelectorError, type Operator, type Requirement } from "./requirement.ts";

const OPERATORS: Partial<Record<TokenType, Operator>> = {
  in: "in",
  notin: "notin",
  "=": "=",
  "==": "==",
  "!=": "!=",
  ">": "gt",
  "<": "lt",
};
const BINARY_OPERATORS = "in, notin, =, ==, !=, gt, lt";

/** Requirements in the order of the text. Throws `SelectorError`. */
export function parseRequirements(text: string): readonly Requirement[] {
  const tokens = new TokenReader(tokenize(text));
  const requirements: Requirement[] = [];
  for (;;) {
    const token = tokens.peekValue();
    if (token.type === "end") return requirements;
    if (token.type !== "identifier" && token.type !== "!") {
      throw new SelectorError(`found '${token.literal}', expected: !, identifier, or 'end of string'`);
    }
    requirements.push(wrapped(tokens));
    const next = tokens.nextValue();
    if (next.type === "end") return requirements;
    if (next.type !== ",")
      throw new SelectorError(`found '${next.literal}', expected: ',' or 'end of string'`);
    const after = tokens.peekValue();
    if (after.type !== "identifier" && after.type !== "!") {
      throw new SelectorError(`found '${after.literal}', expected: identifier after ','`);
    }
  }
}

class TokenReader {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  next(): Token {
    const token = this.#tokens[this.#position]!;
    if (this.#position < this.#tokens.length - 1) this.#position++;
    return token;
  }

  /** Where a value may stand, `in` and `notin` are ordinary words. */
  nextValue(): Token {
    return asValue(this.next());
  }

  peekValue(): Token {
    return asValue(this.#tokens[this.#position]!);
  }
}

function asValue(token: Token): Token {
  return token.type === "in" || token.type === "notin"
    ? { type: "identifier", literal: token.literal }
    : token;
}

function wrapped(tokens: TokenReader): Requirement {
  try {
    return parseRequirement(tokens);
  } catch (err) {
    if (!(err instanceof SelectorError)) throw err;
    throw new SelectorError(`unable to parse requirement: ${err.message}`, { cause: err });
  }
}

function parseRequirement(tokens: TokenReader): Requirement {
  let token = tokens.nextValue();
  const negated = token.type === "!";
  if (negated) token = tokens.nextValue();
  if (token.type !== "identifier") throw new SelectorError(`found '${token.literal}', expected: identifier`);
  const key = token.literal;
  // Upstream has no path here and prints it as <nil>.
  for (const cause of invalidKey("<nil>", key)) throw new SelectorError(`${cause.field}: ${cause.message}`);
  if (negated) return newRequirement(key, "!", []);
  const following = tokens.peekValue().type;
  if (following === "end" || following === ",") return newRequirement(key, "exists", []);
  const sign = tokens.next();
  const operator = OPERATORS[sign.type];
  if (operator === undefined) {
    throw new SelectorError(`found '${sign.literal}', expected: ${BINARY_OPERATORS}`);
  }
  const values = operator === "in" || operator === "notin" ? parseValues(tokens) : [parseExactValue(tokens)];
  return newRequirement(key, operator, sorted(new Set(values)));
}

function parseValues(tokens: TokenReader): readonly string[] {
  const open = tokens.nextValue();
  if (open.type !== "(") throw new SelectorError(`found '${open.literal}' expected: '('`);
  const first = tokens.peekValue();
  if (first.type === ")") {
    tokens.nextValue();
    return [""];
  }
  if (first.type !== "identifier" && first.type !== ",") {
    throw new SelectorError(`found '${first.literal}', expected: ',', ')' or identifier`);
  }
  const values = parseIdentifiers(tokens);
  tokens.nextValue();
  return values;
}

/** Leaves the closing parenthesis; `(,a)` and `(a,)` contain the empty value. */
function parseIdentifiers(tokens: TokenReader): readonly string[] {
  const values: string[] = [];
  for (;;) {
    const token = tokens.nextValue();
    const next = tokens.peekValue();
    if (token.type === "identifier") {
      values.push(token.literal);
      if (next.type === ")") return values;
      if (next.type !== ",") throw new SelectorError(`found '${next.literal}', expected: ',' or ')'`);
    } else if (token.type === ",") {
      if (values.length === 0 || next.type === ",") values.push("");
      if (next.type === ")") return [...values, ""];
    } else {
      throw new SelectorError(`found '${token.literal}', expected: ',', or identifier`);
    }
  }
}

function parseExactValue(tokens: TokenReader): string {
  const { type } = tokens.peekValue();
  if (type === "end" || type === ",") return "";
  const token = tokens.nextValue();
  if (token.type === "identifier") return token.literal;
  throw new SelectorError(`found '${token.literal}', expected: identifier`);
}
