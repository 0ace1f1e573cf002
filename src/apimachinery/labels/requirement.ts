/** One condition of a label selector. @module */
import { isLabelValue, isQualifiedName } from "../names.ts";
import { sorted } from "../text.ts";
import * as field from "../validation/field-errors.ts";
import type { StatusCause } from "../errors.ts";

export type Labels = Readonly<Record<string, string>>;

/** Upstream's `selection.Operator`. */
export type Operator = "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | "gt" | "lt";

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

/** The text is not a selector, or a selector breaks the rules; the message is upstream's. */
export class SelectorError extends Error {
  override readonly name = "SelectorError";
}

const INTEGER = /^[-+]?[0-9]+$/;

/** Checks and makes a requirement. Throws `SelectorError`. */
export function newRequirement(key: string, operator: Operator, values: readonly string[]): Requirement {
  const causes = [
    ...invalidKey("key", key),
    ...invalidValues(operator, values),
    ...values.flatMap((value, i) => invalidLabelValue(`values[${i}][${key}]`, value)),
  ];
  if (causes.length > 0) throw new SelectorError(aggregate(causes));
  return { key, operator, values };
}

export function invalidKey(path: string, key: string): readonly StatusCause[] {
  const messages = isQualifiedName(key);
  return messages.length === 0 ? [] : [field.invalid(path, key, messages.join("; "))];
}

export function matchesRequirement({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "in":
    case "=":
    case "==":
      return value !== undefined && values.includes(value);
    case "notin":
    case "!=":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "gt":
    case "lt":
    default:
      return value !== undefined && compares(operator, value, values[0]!);
  }
}

export function formatRequirement({ key, operator, values }: Requirement): string {
  const list = values.length === 1 ? values[0]! : sorted(values).join(",");
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${list})`;
    case "gt":
      return `${key}>${list}`;
    case "lt":
      return `${key}<${list}`;
    case "=":
    case "==":
    case "!=":
    default:
      return `${key}${operator}${list}`;
  }
}

function compares(operator: Operator, value: string, bound: string): boolean {
  if (!INTEGER.test(value) || !INTEGER.test(bound)) return false;
  return operator === "gt" ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
}

function invalidValues(operator: Operator, values: readonly string[]): readonly StatusCause[] {
  switch (operator) {
    case "in":
    case "notin":
      return values.length > 0
        ? []
        : [wrong(values, "for 'in', 'notin' operators, values set can't be empty")];
    case "=":
    case "==":
    case "!=":
      return values.length === 1
        ? []
        : [wrong(values, "exact-match compatibility requires one single value")];
    case "exists":
    case "!":
      return values.length === 0
        ? []
        : [wrong(values, "values set must be empty for exists and does not exist")];
    case "gt":
    case "lt":
    default:
      return [
        ...(values.length === 1
          ? []
          : [wrong(values, "for 'Gt', 'Lt' operators, exactly one value is required")]),
        ...values.flatMap((value, i) =>
          INTEGER.test(value)
            ? []
            : [
                field.invalid(
                  `values[${i}]`,
                  value,
                  "for 'Gt', 'Lt' operators, the value must be an integer",
                ),
              ],
        ),
      ];
  }
}

function wrong(values: readonly string[], detail: string): StatusCause {
  return field.invalid("values", values, detail);
}

function invalidLabelValue(path: string, value: string): readonly StatusCause[] {
  const messages = isLabelValue(value);
  return messages.length === 0 ? [] : [field.invalid(path, value, messages.join("; "))];
}

function aggregate(causes: readonly StatusCause[]): string {
  const lines = [...new Set(causes.map((cause) => `${cause.field}: ${cause.message}`))];
  return lines.length === 1 ? lines[0]! : `[${lines.join(", ")}]`;
}
