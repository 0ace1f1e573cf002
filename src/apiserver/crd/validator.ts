/** All rules for the objects of a custom kind: constraints, list types, embedded objects, scale, CEL. @module */
import { field, valueAt, type KubeObject, type StatusCause } from "#apimachinery";
import type { ScalePaths } from "../registry/custom-kind.ts";
import type { CelRules } from "./cel/rules.ts";
import { validateEmbedded } from "./embedded.ts";
import { validateListTypes } from "./list-types.ts";
import type { Structural } from "./structural.ts";
import { NO_FIELD, validateValue } from "./validate-value.ts";

export interface ValidatorParts {
  readonly schema: Structural;
  readonly rules: CelRules;
  readonly scale: ScalePaths | undefined;
}

export interface Validated {
  readonly causes: readonly StatusCause[];
  /** Of rules that are broken in parts that did not change. */
  readonly warnings: readonly string[];
}

/** What makes further checks meaningless: the object has not the shape that rules are written for. */
const BLOCKING: ReadonlySet<string | undefined> = new Set([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);
const BLOCKED =
  "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

/** `old` is the stored object of an update: what did not change is not refused again. */
export function validateCustom(
  object: KubeObject,
  old: KubeObject | undefined,
  parts: ValidatorParts,
): Validated {
  const { schema, rules, scale } = parts;
  const twins = validateListTypes(object, schema, "");
  const hadTwins = old !== undefined && twins.length > 0 && validateListTypes(old, schema, "").length > 0;
  const causes = [
    ...validateValue(object, schema.props, "", old),
    ...(scale === undefined ? [] : validateScale(object, scale)),
    ...validateEmbedded(object, schema),
    ...(hadTwins ? [] : twins),
  ];
  if (rules.isEmpty) return { causes, warnings: [] };
  if (causes.some(({ reason }) => BLOCKING.has(reason))) {
    return { causes: [...causes, field.invalid(NO_FIELD, "null", BLOCKED)], warnings: [] };
  }
  const checked = rules.validate(object, old);
  return { causes: [...causes, ...checked.causes], warnings: checked.warnings };
}

const INT32_MAX = 2 ** 31 - 1;

function validateScale(
  object: KubeObject,
  { specReplicas, statusReplicas }: ScalePaths,
): readonly StatusCause[] {
  return [specReplicas, statusReplicas].flatMap((path) => {
    const at = `.${path.join(".")}`;
    const value = valueAt(object, path);
    if (typeof value !== "number") return [];
    if (value < 0) return [field.invalid(at, value, "should be a non-negative integer")];
    if (value <= INT32_MAX) return [];
    return [field.invalid(at, value, `should be less than or equal to ${INT32_MAX}`)];
  });
}
