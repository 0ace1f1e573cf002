/**
 * Field selectors: `metadata.name=x,spec.nodeName!=y`. Used as a namespace, like upstream's package:
 * `fields.matches(fields.parse("status.phase=Running"), (path) => ...)`.
 * @module
 */
import { compareStrings } from "./text.ts";

export interface Requirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

/** All must hold; an empty list selects everything. */
export type Selector = readonly Requirement[];

/** The text is not a field selector; the message is upstream's. */
export class FieldSelectorError extends Error {
  override readonly name = "FieldSelectorError";
}

export const everything: Selector = [];

/** Throws `FieldSelectorError`. Terms come out sorted, so that equal selectors are equal texts. */
export function parse(text: string): Selector {
  const terms = splitTerms(text).toSorted(compareStrings);
  return terms.filter((term) => term !== "").map((term) => parseTerm(term, text));
}

/** `valueOf` gives the value of a field; "" when the object has none. */
export function matches(selector: Selector, valueOf: (field: string) => string): boolean {
  return selector.every(({ field, operator, value }) => (valueOf(field) === value) === (operator === "="));
}

/** The value that `field` must equal, if the selector demands one; for indexes. */
export function requiresExactMatch(selector: Selector, field: string): string | undefined {
  return selector.find((r) => r.field === field && r.operator === "=")?.value;
}

export function format(selector: Selector): string {
  return selector.map(({ field, operator, value }) => `${field}${operator}${escapeValue(value)}`).join(",");
}

export function escapeValue(value: string): string {
  return value.replaceAll(/[\\,=]/g, (character) => `\\${character}`);
}

function parseTerm(term: string, text: string): Requirement {
  const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
  if (match === null) throw new FieldSelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
  return { field: match[1]!, operator: match[2] === "!=" ? "!=" : "=", value: unescapeValue(match[3]!) };
}

/** Splits at commas that no backslash precedes. */
function splitTerms(text: string): readonly string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === ",") {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...terms, text.slice(start)];
}

function unescapeValue(value: string): string {
  let out = "";
  for (let i = 0; i < value.length; i++) {
    const character = value[i]!;
    if (character === "\\") {
      const next = value[++i] ?? "";
      if (next === "" || !"\\,=".includes(next)) {
        throw new FieldSelectorError(`invalid field selector: invalid escape sequence: \\${next}`);
      }
      out += next;
    } else if (character === "," || character === "=") {
      // Upstream prints the number of the character.
      const code = character.codePointAt(0);
      throw new FieldSelectorError(`invalid field selector: unescaped character in value: ${code}`);
    } else out += character;
  }
  return out;
}
