/** JSON paths of printer columns: fields, indexes, wildcards, slices, filters, recursive descent; upstream's `util/jsonpath`. Pure. @module */
import { isJsonObject, jsonEqual, own } from "#apimachinery";

/** The values that a path names in an object, in order; nothing that is missing. */
export type JsonPath = (object: unknown) => readonly unknown[];

type Step = (values: readonly unknown[]) => readonly unknown[];

/** Throws for what is no path. `.spec.x` and `{.spec.x}` are the same. */
export function parseJsonPath(text: string): JsonPath {
  const inner = text.startsWith("{") && text.endsWith("}") ? text.slice(1, -1) : text;
  const steps: Step[] = [];
  let rest = inner.startsWith("$") || inner.startsWith("@") ? inner.slice(1) : inner;
  while (rest !== "") {
    const { step, length } = firstStep(rest, text);
    steps.push(step);
    rest = rest.slice(length);
  }
  return (object) => steps.reduce((values, step) => step(values), [object] as readonly unknown[]);
}

function firstStep(rest: string, whole: string): { readonly step: Step; readonly length: number } {
  const recursive = /^\.\.((?:[^.[\\]|\\.)+)/.exec(rest);
  if (recursive !== null) {
    const name = unescape(recursive[1]!);
    return { step: (values) => values.flatMap((value) => descend(value, name)), length: recursive[0].length };
  }
  const named = /^\.?((?:[^.[\\]|\\.)+)/.exec(rest);
  if (named !== null) {
    const name = unescape(named[1]!);
    return { step: name === "*" ? everything : fieldStep(name), length: named[0].length };
  }
  const bracket = rest.startsWith("[") ? 0 : rest.startsWith(".[") ? 1 : -1;
  if (bracket >= 0) {
    const end = closing(rest, bracket);
    if (end < 0) throw new Error(`unterminated array in ${JSON.stringify(whole)}`);
    return { step: bracketStep(rest.slice(bracket + 1, end), whole), length: end + 1 };
  }
  if (rest === ".") return { step: (values) => values, length: 1 };
  throw new Error(`unrecognized character in ${JSON.stringify(whole)}: ${rest}`);
}

function unescape(name: string): string {
  return name.replaceAll(/\\(.)/g, "$1");
}

/** The bracket that closes the one at `at`, quoted text aside. */
function closing(text: string, from: number): number {
  let quoted = "";
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const c = text[i]!;
    if (quoted !== "") {
      if (c === "\\") i++;
      else if (c === quoted) quoted = "";
    } else if (c === '"' || c === "'") quoted = c;
    else if (c === "[") depth++;
    else if (c === "]" && --depth === 0) return i;
  }
  return -1;
}

function fieldStep(name: string): Step {
  return (values) =>
    values.flatMap((value) => {
      const found = isJsonObject(value) ? own(value, name) : undefined;
      return found === undefined ? [] : [found];
    });
}

const everything: Step = (values) =>
  values.flatMap((value) => {
    if (Array.isArray(value)) return value as readonly unknown[];
    return isJsonObject(value) ? Object.values(value) : [];
  });

function bracketStep(inside: string, whole: string): Step {
  const text = inside.trim();
  if (text === "*") return everything;
  if (text.startsWith("?(") && text.endsWith(")")) return filterStep(text.slice(2, -1), whole);
  if (/^(['"]).*\1$/.test(text)) return fieldStep(unescape(text.slice(1, -1)));
  const [, from, colon, to, step] = /^(-?\d+)?(?:(:)(-?\d+)?(?::(\d+))?)?$/.exec(text) ?? [];
  if (from === undefined && colon === undefined) {
    throw new Error(`invalid array index ${text} in ${JSON.stringify(whole)}`);
  }
  if (colon === undefined) {
    const index = Number(from);
    return (values) => values.flatMap((value) => (Array.isArray(value) ? at(value, index) : []));
  }
  const every = step === undefined ? 1 : Number(step);
  return (values) =>
    values.flatMap((value) => {
      if (!Array.isArray(value)) return [];
      const part = value.slice(
        from === undefined ? 0 : Number(from),
        to === undefined ? undefined : Number(to),
      );
      return every <= 1 ? part : part.filter((_, i) => i % every === 0);
    });
}

function at(list: readonly unknown[], index: number): readonly unknown[] {
  const found = list.at(index);
  return found === undefined ? [] : [found];
}

const COMPARISON = /^(.*?)\s*(==|!=|<=|>=|<|>)\s*(.*)$/s;

function filterStep(text: string, whole: string): Step {
  const [, left, operator, right] = COMPARISON.exec(text.trim()) ?? [];
  const first = operand(left ?? text, whole);
  if (operator === undefined) {
    return (values) => items(values).filter((item) => first(item) !== undefined);
  }
  const second = operand(right!, whole);
  return (values) => items(values).filter((item) => compare(first(item), operator, second(item)));
}

function items(values: readonly unknown[]): readonly unknown[] {
  return values.flatMap((value) => (Array.isArray(value) ? (value as readonly unknown[]) : []));
}

function operand(text: string, whole: string): (item: unknown) => unknown {
  const trimmed = text.trim();
  if (/^(['"])[^]*\1$/.test(trimmed)) {
    const value = unescape(trimmed.slice(1, -1));
    return () => value;
  }
  if (/^-?\d+(\.\d+)?$/.test(trimmed)) return () => Number(trimmed);
  if (trimmed === "true" || trimmed === "false") return () => trimmed === "true";
  if (!trimmed.startsWith("@"))
    throw new Error(`unrecognized operand ${trimmed} in ${JSON.stringify(whole)}`);
  const path = parseJsonPath(trimmed);
  return (item) => path(item)[0];
}

function compare(a: unknown, operator: string, b: unknown): boolean {
  if (a === undefined || b === undefined) return false;
  if (operator === "==") return jsonEqual(a, b);
  if (operator === "!=") return !jsonEqual(a, b);
  if (typeof a !== typeof b || (typeof a !== "number" && typeof a !== "string")) return false;
  const order = a < (b as typeof a) ? -1 : a > (b as typeof a) ? 1 : 0;
  if (order === 0) return operator === "<=" || operator === ">=";
  return operator.startsWith(order < 0 ? "<" : ">");
}

function descend(value: unknown, name: string): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  const here = fieldStep(name)([value]);
  return [...here, ...Object.values(value).flatMap((child) => descend(child, name))];
}
