/** When a job fails or succeeds before all its pods have ended. @module */
import { byteLength, field, isQualifiedName } from "#apimachinery";
import { each, NONE, nonNegative, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { parseIndexes } from "./job-indexes.ts";
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
} from "./types.gen.ts";

const RULES_MAX = 20;
const VALUES_MAX = 255;
const PATTERNS_MAX = 20;
const ACTIONS: readonly string[] = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS: readonly string[] = ["In", "NotIn"];
const STATUSES: readonly string[] = ["False", "True", "Unknown"];

const quoteList = (values: readonly string[]): string => `[${values.map((value) => `"${value}"`).join(" ")}]`;

export function validatePodFailurePolicy(spec: JobSpec, path: string): Causes {
  const rules = spec.podFailurePolicy?.rules ?? [];
  const at = field.child(path, "rules");
  return [
    ...tooMany(rules.length, RULES_MAX, at),
    ...each(rules, at, (rule, p) => validateRule(spec, rule, p)),
  ];
}

function tooMany(actual: number, max: number, path: string): Causes {
  return actual > max ? [field.tooMany(path, actual, max)] : NONE;
}

function validateRule(spec: JobSpec, rule: PodFailurePolicyRule, path: string): Causes {
  const { onExitCodes, onPodConditions = [] } = rule;
  const both = onExitCodes !== undefined && onPodConditions.length > 0;
  const neither = onExitCodes === undefined && onPodConditions.length === 0;
  return [
    ...validateAction(spec, rule.action, field.child(path, "action")),
    ...(onExitCodes === undefined
      ? NONE
      : validateExitCodes(spec, onExitCodes, field.child(path, "onExitCodes"))),
    ...validatePatterns(onPodConditions, field.child(path, "onPodConditions")),
    ...(both
      ? [field.invalidUnshown(path, "specifying both OnExitCodes and OnPodConditions is not supported")]
      : NONE),
    ...(neither
      ? [field.invalidUnshown(path, "specifying one of OnExitCodes and OnPodConditions is required")]
      : NONE),
  ];
}

function validateAction(spec: JobSpec, action: string, path: string): Causes {
  if (action === "") return [field.required(path, `valid values: ${quoteList(ACTIONS)}`)];
  if (action !== "FailIndex") return oneOf(action, ACTIONS, path);
  if (spec.backoffLimitPerIndex !== undefined) return NONE;
  return [field.invalid(path, action, "requires the backoffLimitPerIndex to be set")];
}

function validatePatterns(patterns: readonly PodFailurePolicyOnPodConditionsPattern[], path: string): Causes {
  return [
    ...tooMany(patterns.length, PATTERNS_MAX, path),
    ...each(patterns, path, (pattern, at) => [
      ...obeys(isQualifiedName, pattern.type, field.child(at, "type")),
      ...(pattern.status
        ? oneOf(pattern.status, STATUSES, field.child(at, "status"))
        : [field.required(field.child(at, "status"), `valid values: ${quoteList(STATUSES)}`)]),
    ]),
  ];
}

function validateExitCodes(
  { template }: JobSpec,
  { operator, containerName, values }: PodFailurePolicyOnExitCodesRequirement,
  path: string,
): Causes {
  const containers = [...(template.spec?.containers ?? []), ...(template.spec?.initContainers ?? [])];
  const unknown =
    containerName !== undefined && !containers.some((container) => container.name === containerName);
  const at = field.child(path, "values");
  const ordered = values.every((value, i) => i === 0 || values[i - 1]! <= value);
  return [
    ...(operator
      ? oneOf(operator, OPERATORS, field.child(path, "operator"))
      : [field.required(field.child(path, "operator"), `valid values: ${quoteList(OPERATORS)}`)]),
    ...(unknown
      ? [
          field.invalid(
            field.child(path, "containerName"),
            containerName,
            "must be one of the container or initContainer names in the pod template",
          ),
        ]
      : NONE),
    ...(values.length === 0 ? [field.invalid(at, values, "at least one value is required")] : NONE),
    ...tooMany(values.length, VALUES_MAX, at),
    ...each(values, at, (value, p, i) => [
      ...(operator === "In" && value === 0
        ? [field.invalid(p, value, "must not be 0 for the In operator")]
        : NONE),
      ...(values.indexOf(value) < i ? [field.duplicate(p, value)] : NONE),
    ]),
    ...(ordered ? NONE : [field.invalid(at, values, "must be ordered")]),
  ];
}

export function validateSuccessPolicy(spec: JobSpec, path: string): Causes {
  const rules = spec.successPolicy?.rules ?? [];
  const at = field.child(path, "rules");
  return [
    ...(rules.length === 0
      ? [field.required(at, "at least one rules must be specified when the successPolicy is specified")]
      : NONE),
    ...tooMany(rules.length, RULES_MAX, at),
    ...each(rules, at, (rule, p) => validateSuccessRule(rule, spec.completions ?? 0, p)),
  ];
}

type SuccessRule = NonNullable<NonNullable<JobSpec["successPolicy"]>["rules"]>[number];

const INDEXES_BYTES_MAX = 64 * 1024;

function validateSuccessRule(
  { succeededCount: count, succeededIndexes: indexes }: SuccessRule,
  completions: number,
  path: string,
): Causes {
  const indexesPath = field.child(path, "succeededIndexes");
  const countPath = field.child(path, "succeededCount");
  const total = indexes === undefined ? undefined : parseIndexes(indexes, completions);
  const listed = typeof total === "string" ? 0 : total;
  const atMost = (max: number | undefined, what: string): Causes =>
    count !== undefined && max !== undefined && count > max
      ? [field.invalid(countPath, count, `must be less than or equal to ${max} (the number of ${what})`)]
      : NONE;
  return [
    ...(count === undefined && indexes === undefined
      ? [field.required(path, "at least one of succeededCount or succeededIndexes must be specified")]
      : NONE),
    ...(byteLength(indexes ?? "") > INDEXES_BYTES_MAX
      ? [field.tooLong(indexesPath, INDEXES_BYTES_MAX)]
      : NONE),
    ...(typeof total === "string"
      ? [field.invalid(indexesPath, indexes, `error parsing succeededIndexes: ${total}`)]
      : NONE),
    ...nonNegative(count, countPath),
    ...atMost(completions, "specified completions"),
    ...atMost(listed, "indexes in the specified succeededIndexes field"),
  ];
}
