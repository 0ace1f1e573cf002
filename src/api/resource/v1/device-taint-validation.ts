/** Rules for taints of devices, tolerations of claims, and conditions that binding waits for. @module */
import { field, isLabelValue, validateLabelName } from "#apimachinery";
import { all, each, NONE, obeys, oneOf, requiredOneOf, type Causes } from "../../validation/common.ts";
import { validateSlice } from "./bounded-lists.ts";
import type { DeviceTaint, DeviceToleration } from "./types.gen.ts";

const EFFECTS: readonly string[] = ["NoExecute", "NoSchedule", "None"];
const OPERATORS: readonly string[] = ["Equal", "Exists"];
const CONDITIONS_MAX = 4;

/** An effect that a newer server has accepted may stay. */
export function validateDeviceTaint(taint: DeviceTaint, path: string, old?: DeviceTaint): Causes {
  const { key, value = "", effect } = taint;
  return all(
    validateLabelName(key, field.child(path, "key")),
    value === "" ? NONE : obeys(isLabelValue, value, field.child(path, "value")),
    old !== undefined && old.effect === effect
      ? NONE
      : requiredOneOf(effect, EFFECTS, field.child(path, "effect")),
  );
}

export function validateDeviceTolerations(
  tolerations: readonly DeviceToleration[] | undefined,
  path: string,
): Causes {
  return each(tolerations, path, ({ key = "", operator = "", value = "", effect = "" }, at) =>
    all(
      key === "" ? NONE : validateLabelName(key, field.child(at, "key")),
      validateOperator(operator, value, at),
      effect === "" ? NONE : oneOf(effect, EFFECTS, field.child(at, "effect")),
    ),
  );
}

function validateOperator(operator: string, value: string, path: string): Causes {
  const at = field.child(path, "value");
  switch (operator) {
    case "Exists":
      return value === "" ? NONE : [field.invalid(at, value, "must be empty for operator `Exists`")];
    case "Equal":
      return obeys(isLabelValue, value, at);
    default:
      return requiredOneOf(operator, OPERATORS, field.child(path, "operator"));
  }
}

interface Conditions {
  readonly bindingConditions?: readonly string[];
  readonly bindingFailureConditions?: readonly string[];
}

/** Both or neither, each once, none in both. */
export function validateBindingConditions(
  { bindingConditions, bindingFailureConditions }: Conditions,
  path: string,
): Causes {
  const [wanted, failures] = [bindingConditions ?? [], bindingFailureConditions ?? []];
  const at = field.child(path, "bindingConditions");
  const failuresAt = field.child(path, "bindingFailureConditions");
  return all(
    validateSlice(wanted, CONDITIONS_MAX, validateLabelName, at),
    validateSlice(failures, CONDITIONS_MAX, validateLabelName, failuresAt),
    each(wanted, at, (name, p, i) => (wanted.indexOf(name) < i ? [field.duplicate(p, name)] : NONE)),
    each(failures, failuresAt, (name, p, i) =>
      all(
        failures.indexOf(name) < i ? [field.duplicate(p, name)] : NONE,
        wanted.includes(name)
          ? [field.invalid(p, name, "bindingFailureConditions must not overlap with bindingConditions")]
          : NONE,
      ),
    ),
    wanted.length === 0 && failures.length > 0
      ? [
          field.invalid(
            at,
            bindingConditions,
            "bindingConditions are required to use bindingFailureConditions",
          ),
        ]
      : NONE,
    failures.length === 0 && wanted.length > 0
      ? [
          field.invalid(
            failuresAt,
            bindingFailureConditions,
            "bindingFailureConditions are required to use bindingConditions",
          ),
        ]
      : NONE,
  );
}
