/** Rules for how the capacity of a shared device may be asked for. @module */
import {
  addQuantity,
  canonicalQuantity,
  compareAmounts,
  compareQuantity,
  field,
  formatQuantity,
  parseQuantity,
  quantityValue,
} from "#apimachinery";
import { all, each, NONE, type Causes } from "../../validation/common.ts";
import { validateSet } from "./bounded-lists.ts";
import type { CapacityRequestPolicy, CapacityRequestPolicyRange, DeviceCapacity } from "./types.gen.ts";

const VALUES_MAX = 10;

export function validateCapacity(
  { value, requestPolicy: policy }: DeviceCapacity,
  path: string,
  isShared: boolean,
): Causes {
  const at = field.child(path, "requestPolicy");
  if (policy === undefined) return NONE;
  if (!isShared) return [field.forbidden(at, "allowMultipleAllocations must be true")];
  if ((policy.validValues?.length ?? 0) > 0 && policy.validRange !== undefined) {
    const message = `exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time`;
    return [field.forbidden(at, message)];
  }
  return validatePolicy(policy, value, at);
}

function validatePolicy(policy: CapacityRequestPolicy, capacity: string, path: string): Causes {
  const { default: fallback, validValues = [], validRange } = policy;
  const named = validValues.length > 0 ? "validValues" : validRange === undefined ? undefined : "validRange";
  if (named === undefined) return NONE;
  if (fallback === undefined) {
    return [field.required(field.child(path, "default"), `required when ${named} is defined`)];
  }
  const at = field.child(path, named);
  return named === "validValues"
    ? validateValues(validValues, fallback, capacity, at)
    : validateRange(validRange!, fallback, capacity, at);
}

function validateValues(values: readonly string[], fallback: string, capacity: string, path: string): Causes {
  const hasDefault = values.some((value) => compareAmounts(value, fallback) === 0);
  return all(
    each(values, path, (value, at, i) =>
      i > 0 && compareAmounts(values[i - 1]!, value) > 0
        ? [field.invalid(at, shown(value), "values must be sorted in ascending order")]
        : NONE,
    ),
    validateSet(
      values,
      VALUES_MAX,
      (value, at) =>
        compareAmounts(value, capacity) > 0
          ? [field.invalid(at, shown(value), `option is larger than capacity value: ${shown(capacity)}`)]
          : NONE,
      (value) => String(quantityValue(parseQuantity(value))),
      path,
    ),
    // Values that are too many are not looked at, and so the default is not found.
    hasDefault && values.length <= VALUES_MAX
      ? NONE
      : [field.invalid(path, shown(fallback), "default value is not valid according to the requestPolicy")],
  );
}

function validateRange(
  { min, max, step }: CapacityRequestPolicyRange,
  fallback: string,
  capacity: string,
  path: string,
): Causes {
  const at = (name: string): string => field.child(path, name);
  if (!min) return [field.required(at("min"), "required when validRange is defined")];
  const unless = (isFine: boolean, name: string, value: string, message: string): Causes =>
    isFine ? NONE : [field.invalid(at(name), shown(value), message)];
  return all(
    unless(
      compareAmounts(min, capacity) <= 0,
      "min",
      min,
      `min is larger than capacity value: ${shown(capacity)}`,
    ),
    unless(compareAmounts(fallback, min) >= 0, "min", fallback, `default is less than min: ${shown(min)}`),
    max === undefined
      ? NONE
      : all(
          unless(compareAmounts(min, max) <= 0, "max", min, `min is larger than max: ${shown(max)}`),
          unless(
            compareAmounts(max, capacity) <= 0,
            "max",
            max,
            `max is larger than capacity value: ${shown(capacity)}`,
          ),
          unless(
            compareAmounts(fallback, max) <= 0,
            "max",
            fallback,
            `default is more than max: ${shown(max)}`,
          ),
        ),
    step === undefined ? NONE : validateStep(step, { min, max, fallback, capacity }, at("step")),
  );
}

interface Stepped {
  readonly min: string;
  readonly max: string | undefined;
  readonly fallback: string;
  readonly capacity: string;
}

function validateStep(step: string, { min, max, fallback, capacity }: Stepped, path: string): Causes {
  const first = addQuantity(parseQuantity(min), parseQuantity(step));
  const [from, by] = [whole(min), whole(step)];
  const message = `value is not a multiple of a given step (${shown(step)}) from (${shown(min)})`;
  const onStep = (value: string): Causes =>
    // Upstream divides by zero here; no value is a multiple of nothing.
    by !== 0 && (whole(value) - from) % by === 0 ? NONE : [field.invalid(path, shown(value), message)];
  return all(
    compareQuantity(first, parseQuantity(capacity)) > 0
      ? [
          field.invalid(
            path,
            shown(step),
            `one step ${formatQuantity(first)} is larger than capacity value: ${shown(capacity)}`,
          ),
        ]
      : NONE,
    onStep(fallback),
    max === undefined ? NONE : onStep(max),
  );
}

const whole = (text: string): number => quantityValue(parseQuantity(text));
const shown = (text: string): string => canonicalQuantity(text);
