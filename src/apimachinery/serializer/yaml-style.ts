/** How Go's YAML library lays out what it writes, so that `-o yaml` looks as people know it. @module */
import {
  DEFAULT_SCALAR_STYLE_RULES,
  SCALAR_STYLE_DOUBLE_QUOTED,
  SCALAR_STYLE_PLAIN,
  type ScalarStyleRule,
} from "js-yaml";
import { isPlainString } from "./yaml-schema.ts";

/** Strings that would be read as something else are double-quoted; js-yaml's rules decide the rest. */
export const goScalarStyles: readonly ScalarStyleRule[] = [
  (layout) => {
    const { node, style } = layout;
    const isText = node.tag === "tag:yaml.org,2002:str";
    if (isText && style === SCALAR_STYLE_PLAIN && !isPlainString(node.value))
      layout.style = SCALAR_STYLE_DOUBLE_QUOTED;
  },
  ...Object.values(DEFAULT_SCALAR_STYLE_RULES),
];

/** Keys in natural order: numbers by their value, letters after everything else. */
export function compareYamlKeys(a: string, b: string): number {
  const x = Array.from(a);
  const y = Array.from(b);
  const at = x.findIndex((character, i) => character !== y[i]);
  if (at < 0 || at >= y.length) return x.length - y.length;
  const [left, right] = [x[at]!, y[at]!];
  if (isLetter(left) !== isLetter(right)) return isLetter(left) ? 1 : -1;
  const byNumber = isLetter(left) ? 0 : compareNumbers(x, y, at);
  return byNumber || left.codePointAt(0)! - right.codePointAt(0)!;
}

/** The numbers in which the keys differ from index `at` on; a number that began before counts as one digit more. */
function compareNumbers(a: readonly string[], b: readonly string[], at: number): number {
  const goesOn = (a[at] === "0" || b[at] === "0") && /[1-9]\d*$/.test(a.slice(0, at).join(""));
  const x = digitsFrom(a, at);
  const y = digitsFrom(b, at);
  const prefix = goesOn ? "1" : "0";
  const difference = BigInt(prefix + x) - BigInt(prefix + y);
  return difference === 0n ? x.length - y.length : difference < 0n ? -1 : 1;
}

function digitsFrom(text: readonly string[], start: number): string {
  let end = start;
  while (isDigit(text[end])) end++;
  return text.slice(start, end).join("");
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && /^[0-9]$/.test(character);
}

function isLetter(character: string): boolean {
  return /^\p{L}$/u.test(character);
}
