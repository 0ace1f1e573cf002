/** Rules for labels and LabelSelectors. @module */
import type { StatusCause } from "../errors.ts";
import type { LabelSelector, LabelSelectorRequirement } from "../labels/selector.ts";
import { isLabelValue, isQualifiedName } from "../names.ts";
import * as field from "./field-errors.ts";

export function validateLabelName(name: string, path: string): readonly StatusCause[] {
  return field.invalidFor(path, name, isQualifiedName(name));
}

export function validateLabels(
  labels: Readonly<Record<string, string>> | undefined,
  path: string,
): readonly StatusCause[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) =>
    field.all(validateLabelName(key, path), field.invalidFor(path, value, isLabelValue(value))),
  );
}

/** `anyValue`: stored objects may have values in their requirements that no label can have. */
export function validateLabelSelector(
  selector: LabelSelector | undefined,
  path: string,
  anyValue = false,
): readonly StatusCause[] {
  return field.all(
    validateLabels(selector?.matchLabels, field.child(path, "matchLabels")),
    (selector?.matchExpressions ?? []).flatMap((expression, i) =>
      validateExpression(expression, field.index(field.child(path, "matchExpressions"), i), anyValue),
    ),
  );
}

function validateExpression(
  expression: LabelSelectorRequirement,
  path: string,
  anyValue: boolean,
): readonly StatusCause[] {
  const values = expression.values ?? [];
  // What was sent may lack it, as anything that is required.
  const { key = "" } = expression as Partial<LabelSelectorRequirement>;
  return field.all(
    validateOperator(expression.operator, values, path),
    validateLabelName(key, field.child(path, "key")),
    values.flatMap((value, i) =>
      anyValue
        ? []
        : field.invalidFor(field.index(field.child(path, "values"), i), value, isLabelValue(value)),
    ),
  );
}

function validateOperator(operator: string, values: readonly string[], path: string): readonly StatusCause[] {
  const at = field.child(path, "values");
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length > 0) return [];
      return [field.required(at, "must be specified when `operator` is 'In' or 'NotIn'")];
    case "Exists":
    case "DoesNotExist":
      if (values.length === 0) return [];
      return [field.forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
    default:
      return [field.invalid(field.child(path, "operator"), operator, "not a valid selector operator")];
  }
}
