/** Rules for metav1.Conditions, as they stand in the status of many kinds. @module */
import { byteLength, field, regexError, validateLabelName } from "#apimachinery";
import { all, duplicates, each, NONE, oneOf, type Causes } from "../../validation/common.ts";
import type { Condition } from "./types.gen.ts";

const REASON_BYTES_MAX = 1024;
const MESSAGE_BYTES_MAX = 32 * 1024;
const REASON_PATTERN = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?";
const REASON = new RegExp(`^${REASON_PATTERN}$`);
const REASON_MESSAGE =
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";

/** Types are unique; each condition is told of where it stands. */
export function validateConditions(conditions: readonly Condition[] | undefined, path: string): Causes {
  const repeated = duplicates(
    conditions ?? [],
    ({ type }) => type,
    (i) => field.child(field.index(path, i), "type"),
  );
  return each(conditions, path, (condition, at) =>
    all(
      repeated.filter((cause) => cause.field === field.child(at, "type")),
      validateCondition(condition, at),
    ),
  );
}

function validateCondition(condition: Condition, path: string): Causes {
  const { type, status, observedGeneration = 0, lastTransitionTime, reason, message } = condition;
  const at = (name: string): string => field.child(path, name);
  return all(
    validateLabelName(type, at("type")),
    oneOf(status, ["False", "True", "Unknown"], at("status")),
    observedGeneration < 0
      ? [field.invalid(at("observedGeneration"), observedGeneration, "must be greater than or equal to zero")]
      : NONE,
    lastTransitionTime ? NONE : [field.required(at("lastTransitionTime"))],
    validateReason(reason, at("reason")),
    byteLength(message) > MESSAGE_BYTES_MAX ? [field.tooLong(at("message"), MESSAGE_BYTES_MAX)] : NONE,
  );
}

function validateReason(reason: string, path: string): Causes {
  if (!reason) return [field.required(path)];
  const examples = ["my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB"];
  return all(
    REASON.test(reason)
      ? NONE
      : [field.invalid(path, reason, regexError(REASON_MESSAGE, REASON_PATTERN, ...examples))],
    byteLength(reason) > REASON_BYTES_MAX ? [field.tooLong(path, REASON_BYTES_MAX)] : NONE,
  );
}
