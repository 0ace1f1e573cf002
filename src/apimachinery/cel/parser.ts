/** Expressions as text become trees. @module */
import { call, literal, type Expr, type MapEntry, type StructField } from "./ast.ts";
import { tokensOf, type Token } from "./lexer.ts";
import { expand, MacroError } from "./macros.ts";
import { CelIssues } from "./source-error.ts";

/** cel-go's limits. */
const DEPTH_MAX = 250;
const LENGTH_MAX = 100_000;

const OPERAND =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
const RESERVED: ReadonlySet<string> = new Set(
  "as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);
const RELATIONS: Readonly<Record<string, string>> = {
  "<": "_<_",
  "<=": "_<=_",
  ">": "_>_",
  ">=": "_>=_",
  "==": "_==_",
  "!=": "_!=_",
  in: "@in",
};
const SUMS: Readonly<Record<string, string>> = { "+": "_+_", "-": "_-_" };
const PRODUCTS: Readonly<Record<string, string>> = { "*": "_*_", "/": "_/_", "%": "_%_" };

/** Throws CelIssues. */
export function parse(source: string): Expr {
  if (Array.from(source).length > LENGTH_MAX) {
    throw new CelIssues(source, [
      {
        pos: 0,
        message: `expression code point size exceeds limit: size: ${source.length}, limit ${LENGTH_MAX}`,
      },
    ]);
  }
  return new Parser(source).whole();
}

class Parser {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokensOf(source);
  }

  whole(): Expr {
    const expr = this.#conditional();
    const rest = this.#peek();
    if (rest.kind !== "end") this.#fail(rest, this.#unexpected(rest, "<EOF>"));
    return expr;
  }

  #peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!;
  }

  #next(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #is(text: string, ahead = 0): boolean {
    const token = this.#peek(ahead);
    return token.kind === "punct" && token.text === text;
  }

  #take(text: string): Token | undefined {
    return this.#is(text) ? this.#next() : undefined;
  }

  #expect(text: string): Token {
    const token = this.#take(text);
    if (token !== undefined) return token;
    return this.#fail(this.#peek(), this.#unexpected(this.#peek(), `'${text}'`));
  }

  #unexpected({ text, kind }: Token, expected: string): string {
    return `Syntax error: ${kind === "end" ? "mismatched" : "extraneous"} input '${text}' expecting ${expected}`;
  }

  #fail({ pos }: { readonly pos: number }, message: string): never {
    throw new CelIssues(this.#source, [{ pos, message }]);
  }

  #conditional(): Expr {
    this.#depth++;
    if (this.#depth > DEPTH_MAX)
      this.#fail(this.#peek(), `expression recursion limit exceeded: ${DEPTH_MAX}`);
    const condition = this.#or();
    const op = this.#take("?");
    if (op === undefined) {
      this.#depth--;
      return condition;
    }
    const yes = this.#or();
    this.#expect(":");
    const no = this.#conditional();
    this.#depth--;
    return call(op.pos, "_?_:_", [condition, yes, no]);
  }

  #or(): Expr {
    return this.#balanced("||", "_||_", () => this.#balanced("&&", "_&&_", () => this.#relation()));
  }

  /** A long chain becomes a shallow tree. */
  #balanced(text: string, fn: string, operand: () => Expr): Expr {
    const operands = [operand()];
    const ops: Token[] = [];
    for (let op = this.#take(text); op !== undefined; op = this.#take(text)) {
      ops.push(op);
      operands.push(operand());
    }
    return balance(fn, operands, ops);
  }

  #relation(): Expr {
    return this.#leftAssociative(RELATIONS, () =>
      this.#leftAssociative(SUMS, () => this.#leftAssociative(PRODUCTS, () => this.#unary())),
    );
  }

  #leftAssociative(operators: Readonly<Record<string, string>>, operand: () => Expr): Expr {
    let left = operand();
    for (;;) {
      const { kind, text } = this.#peek();
      const fn = kind === "punct" && Object.hasOwn(operators, text) ? operators[text] : undefined;
      if (fn === undefined) return left;
      const { pos } = this.#next();
      left = call(pos, fn, [left, operand()]);
    }
  }

  #unary(): Expr {
    const op = this.#peek();
    const isMinus = this.#is("-");
    if (!isMinus && !this.#is("!")) return this.#member();
    const number = this.#peek(1);
    if (isMinus && number.kind === "literal" && isNumber(number)) {
      this.#next();
      return this.#members(this.#negative(op, this.#next()));
    }
    let count = 0;
    while (this.#take(op.text) !== undefined) count++;
    const operand = this.#unaryOperand();
    return count % 2 === 0 ? operand : call(op.pos, isMinus ? "-_" : "!_", [operand]);
  }

  #unaryOperand(): Expr {
    if (this.#is("-") || this.#is("!"))
      return this.#fail(this.#peek(), this.#unexpected(this.#peek(), OPERAND));
    return this.#member();
  }

  #negative({ pos }: Token, { value }: Token): Expr {
    return literal(pos, typeof value === "bigint" ? -value : -(value as number));
  }

  #member(): Expr {
    return this.#members(this.#primary());
  }

  #members(start: Expr): Expr {
    let expr = start;
    for (;;) {
      if (this.#is(".")) expr = this.#selection(expr);
      else if (this.#is("[")) expr = this.#index(expr);
      else return expr;
    }
  }

  #selection(operand: Expr): Expr {
    const dot = this.#next();
    const isOptional = this.#take("?") !== undefined;
    const name = this.#fieldName();
    if (isOptional) return call(dot.pos, "_?._", [operand, literal(name.pos, fieldText(name))]);
    const open = name.kind === "ident" ? this.#take("(") : undefined;
    if (open === undefined) {
      return { op: "select", pos: dot.pos, operand, field: fieldText(name), isTest: false };
    }
    return this.#callOf(open.pos, name.text, this.#arguments(")"), operand);
  }

  #fieldName(): Token {
    const token = this.#next();
    const isWord = token.kind === "literal" && /^(true|false|null)$/.test(token.text);
    if (token.kind === "ident" || token.kind === "escaped" || isWord || token.text === "in") return token;
    return this.#fail(
      token,
      `Syntax error: no viable alternative at input '.${token.kind === "end" ? "" : token.text}'`,
    );
  }

  #index(operand: Expr): Expr {
    const { pos } = this.#next();
    const isOptional = this.#take("?") !== undefined;
    const key = this.#conditional();
    this.#expect("]");
    return call(pos, isOptional ? "_[?_]" : "_[_]", [operand, key]);
  }

  #callOf(pos: number, name: string, args: readonly Expr[], target?: Expr): Expr {
    try {
      return expand(pos, name, args, target) ?? call(pos, name, args, target);
    } catch (err) {
      if (err instanceof MacroError) return this.#fail(err, err.message);
      throw err;
    }
  }

  #primary(): Expr {
    const token = this.#next();
    if (token.kind === "literal") return this.#literal(token);
    if (token.kind === "ident") return this.#identOrCall(token, token.text);
    switch (token.kind === "punct" ? token.text : "") {
      case "(": {
        const inner = this.#conditional();
        this.#expect(")");
        return inner;
      }
      case "[":
        return this.#list(token);
      case "{":
        return this.#map(token);
      case ".": {
        const name = this.#next();
        if (name.kind === "ident") return this.#identOrCall(name, name.text);
        return this.#fail(name, this.#unexpected(name, "IDENTIFIER"));
      }
      default:
        return this.#fail(token, `Syntax error: mismatched input '${token.text}' expecting ${OPERAND}`);
    }
  }

  #literal(token: Token): Expr {
    if (typeof token.value === "bigint" && token.value === 2n ** 63n)
      this.#fail(token, "invalid int literal");
    return literal(token.pos, token.value);
  }

  #identOrCall(token: Token, name: string): Expr {
    if (RESERVED.has(name)) this.#fail(token, `reserved identifier: ${name}`);
    const open = this.#take("(");
    if (open !== undefined) return this.#callOf(open.pos, name, this.#arguments(")"));
    const message = this.#messageName(name);
    return message ?? { op: "ident", pos: token.pos, name };
  }

  /** `a.b.C{…}`: names and dots up to a brace. */
  #messageName(first: string): Expr | undefined {
    let ahead = 0;
    let name = first;
    while (this.#is(".", ahead) && this.#peek(ahead + 1).kind === "ident") {
      name += `.${this.#peek(ahead + 1).text}`;
      ahead += 2;
    }
    if (!this.#is("{", ahead)) return undefined;
    this.#at += ahead;
    const { pos } = this.#next();
    return { op: "struct", pos, typeName: name, fields: this.#fields() };
  }

  #fields(): readonly StructField[] {
    return this.#separated("}", () => {
      const isOptional = this.#take("?") !== undefined;
      const name = this.#fieldName();
      const { pos } = this.#expect(":");
      return { pos, name: fieldText(name), value: this.#conditional(), isOptional };
    });
  }

  #list({ pos }: Token): Expr {
    const optional = new Set<number>();
    let count = 0;
    const items = this.#separated("]", () => {
      if (this.#take("?") !== undefined) optional.add(count);
      count++;
      return this.#conditional();
    });
    return { op: "list", pos, items, optional };
  }

  #map({ pos }: Token): Expr {
    const entries = this.#separated("}", (): MapEntry => {
      const isOptional = this.#take("?") !== undefined;
      const key = this.#conditional();
      this.#expect(":");
      return { key, value: this.#conditional(), isOptional };
    });
    return { op: "map", pos, entries };
  }

  #arguments(close: string): readonly Expr[] {
    const args: Expr[] = [];
    if (this.#take(close) !== undefined) return args;
    do args.push(this.#conditional());
    while (this.#take(",") !== undefined);
    this.#expect(close);
    return args;
  }

  /** With a comma allowed after the last one. */
  #separated<T>(close: string, item: () => T): readonly T[] {
    const items: T[] = [];
    while (!this.#is(close)) {
      items.push(item());
      if (this.#take(",") === undefined) break;
    }
    this.#expect(close);
    return items;
  }
}

function isNumber({ value }: Token): boolean {
  return typeof value === "bigint" || typeof value === "number";
}

function fieldText({ kind, value, text }: Token): string {
  return kind === "escaped" ? (value as string) : text;
}

function balance(fn: string, operands: readonly Expr[], ops: readonly Token[]): Expr {
  if (operands.length === 1) return operands[0]!;
  const middle = Math.floor(ops.length / 2);
  const left = balance(fn, operands.slice(0, middle + 1), ops.slice(0, middle));
  const right = balance(fn, operands.slice(middle + 1), ops.slice(middle + 1));
  return call(ops[middle]!.pos, fn, [left, right]);
}
