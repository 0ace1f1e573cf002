/**
 * A slow, careful reading of JSON: Go's error texts for what is no JSON, and the paths of fields that occur twice. Used
 * only when the fast way has found that something is wrong.
 * @module
 */
import { quote } from "../quote.ts";

/** The text is not JSON; the message is that of Go's decoder. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
}

/** Levels of nesting a document may have. */
export const JSON_DEPTH_MAX = 1000;

const SPACE = " \t\r\n";
const DIGIT = /^[0-9]$/;

/** Paths (`spec.a[0].b`) of duplicate fields, in order. Throws `JsonSyntaxError`. */
export function scanJson(text: string): readonly string[] {
  const scanner = new Scanner(text);
  scanner.document();
  return [...scanner.duplicates];
}

class Scanner {
  readonly duplicates = new Set<string>();
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value("", 0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#unexpected("after top-level value");
  }

  #value(path: string, depth: number): void {
    if (depth > JSON_DEPTH_MAX) throw new JsonSyntaxError("exceeded max depth");
    this.#space();
    const character = this.#text[this.#at];
    if (character === "{") this.#object(path, depth);
    else if (character === "[") this.#array(path, depth);
    else if (character === '"') this.#string();
    else if (character === "t") this.#literal("true");
    else if (character === "f") this.#literal("false");
    else if (character === "n") this.#literal("null");
    else if (character === "-" || this.#isDigit()) this.#number();
    else throw this.#unexpected("looking for beginning of value");
  }

  #object(path: string, depth: number): void {
    this.#at++;
    const seen = new Set<string>();
    if (this.#skip("}")) return;
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') throw this.#unexpected("looking for beginning of object key string");
      const key = this.#string();
      const inner = path === "" ? key : `${path}.${key}`;
      if (seen.has(key)) this.duplicates.add(inner);
      seen.add(key);
      if (!this.#skip(":")) throw this.#unexpected("after object key");
      this.#value(inner, depth + 1);
      if (this.#skip("}")) return;
      if (!this.#skip(",")) throw this.#unexpected("after object key:value pair");
    }
  }

  #array(path: string, depth: number): void {
    this.#at++;
    if (this.#skip("]")) return;
    for (let i = 0; ; i++) {
      this.#value(`${path}[${i}]`, depth + 1);
      if (this.#skip("]")) return;
      if (!this.#skip(",")) throw this.#unexpected("after array element");
    }
  }

  /** Returns the decoded string. */
  #string(): string {
    const start = this.#at++;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || character < " ") throw this.#unexpected("in string literal");
      this.#at++;
      if (character === '"') return JSON.parse(this.#text.slice(start, this.#at)) as string;
      if (character === "\\") this.#escape();
    }
  }

  #escape(): void {
    const character = this.#text[this.#at];
    if (character === undefined || !'"\\/bfnrtu'.includes(character))
      throw this.#unexpected("in string escape code");
    this.#at++;
    if (character !== "u") return;
    for (let i = 0; i < 4; i++, this.#at++) {
      if (!/^[0-9a-fA-F]$/.test(this.#text[this.#at] ?? "")) {
        throw this.#unexpected(String.raw`in \u hexadecimal character escape`);
      }
    }
  }

  #literal(word: string): void {
    for (const character of word) {
      if (this.#text[this.#at] !== character) {
        throw this.#unexpected(`in literal ${word} (expecting '${character}')`);
      }
      this.#at++;
    }
  }

  #number(): void {
    if (this.#text[this.#at] === "-") this.#at++;
    if (this.#text[this.#at] === "0") this.#at++;
    else this.#digits("in numeric literal");
    if (this.#text[this.#at] === ".") {
      this.#at++;
      this.#digits("after decimal point in numeric literal");
    }
    if (this.#text[this.#at] === "e" || this.#text[this.#at] === "E") {
      this.#at++;
      if (this.#text[this.#at] === "+" || this.#text[this.#at] === "-") this.#at++;
      this.#digits("in exponent of numeric literal");
    }
  }

  #digits(context: string): void {
    if (!this.#isDigit()) throw this.#unexpected(context);
    while (this.#isDigit()) this.#at++;
  }

  #isDigit(): boolean {
    return DIGIT.test(this.#text[this.#at] ?? "");
  }

  #skip(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    while (this.#at < this.#text.length && SPACE.includes(this.#text[this.#at]!)) this.#at++;
  }

  #unexpected(context: string): JsonSyntaxError {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) return new JsonSyntaxError("unexpected end of JSON input");
    const character = String.fromCodePoint(code);
    const shown =
      character === "'" ? String.raw`'\''` : character === '"' ? `'"'` : `'${quote(character).slice(1, -1)}'`;
    return new JsonSyntaxError(`invalid character ${shown} ${context}`);
  }
}
