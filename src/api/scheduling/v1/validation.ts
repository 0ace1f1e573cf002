/** Rules for PriorityClasses. @module */
import { field } from "#apimachinery";
import { immutable, NONE, requiredOneOf, type Causes } from "../../validation/common.ts";
import type { PriorityClass } from "./types.gen.ts";

const USER_VALUE_MAX = 1_000_000_000;
const SYSTEM_PREFIX = "system-";
/** The classes that the system creates, and their values. */
const SYSTEM_CLASSES: Readonly<Record<string, number>> = {
  "system-node-critical": 2_000_001_000,
  "system-cluster-critical": 2_000_000_000,
};

export function validatePriorityClass(pc: PriorityClass): Causes {
  const { name } = pc.metadata;
  const value = pc.value ?? 0;
  const problem = name.startsWith(SYSTEM_PREFIX) ? systemProblem(pc) : undefined;
  const reserved = `priority class names with '${SYSTEM_PREFIX}' prefix are reserved for system use only. error: `;
  return [
    ...(problem === undefined ? NONE : [field.forbidden("metadata.name", `${reserved}${problem}`)]),
    ...(!name.startsWith(SYSTEM_PREFIX) && value > USER_VALUE_MAX
      ? [field.forbidden("value", `maximum allowed value of a user defined priority is ${USER_VALUE_MAX}`)]
      : NONE),
    ...(pc.preemptionPolicy === undefined
      ? NONE
      : requiredOneOf(pc.preemptionPolicy, ["PreemptLowerPriority", "Never"], "preemptionPolicy")),
  ];
}

function systemProblem({ metadata: { name }, value, globalDefault }: PriorityClass): string | undefined {
  const known = SYSTEM_CLASSES[name];
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known) return `value of ${name} PriorityClass must be ${known}`;
  return globalDefault === true ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export function validatePriorityClassUpdate(pc: PriorityClass, old: PriorityClass): Causes {
  return [
    ...((pc.value ?? 0) === (old.value ?? 0)
      ? NONE
      : [field.forbidden("value", "may not be changed in an update.")]),
    ...immutable(pc.preemptionPolicy, old.preemptionPolicy, "preemptionPolicy"),
  ];
}
