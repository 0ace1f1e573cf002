/** Rules for the specification of jobs, in jobs and in the templates of cron jobs. @module */
import { byteLength, field } from "#apimachinery";
import { NONE, nonNegative, oneOf, type Causes } from "../../validation/common.ts";
import { validatePodTemplateSpec } from "../../validation/pod-template.ts";
import { validateDomainPrefixedPath } from "../../validation/references.ts";
import { validatePodFailurePolicy, validateSuccessPolicy } from "./job-policy-validation.ts";
import type { JobSpec } from "./types.gen.ts";

const PARALLELISM_MAX = 100_000;
const FAILED_INDEXES_MAX = 100_000;
const COMPLETIONS_SOFT_MAX = 100_000;
const PARALLELISM_HIGH_MAX = 10_000;
const FAILED_INDEXES_HIGH_MAX = 10_000;
const MANAGED_BY_BYTES_MAX = 63;
const COUNTS = [
  "parallelism",
  "completions",
  "activeDeadlineSeconds",
  "backoffLimit",
  "ttlSecondsAfterFinished",
  "backoffLimitPerIndex",
  "maxFailedIndexes",
] as const;

export function validateJobSpec(spec: JobSpec, path: string, old?: JobSpec): Causes {
  const at = (name: string): string => field.child(path, name);
  const indexed = spec.completionMode === "Indexed";
  return [
    ...COUNTS.flatMap((name) => nonNegative(spec[name], at(name))),
    ...(spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined
      ? [field.required(at("backoffLimitPerIndex"), "when maxFailedIndexes is specified")]
      : NONE),
    ...validateManagedBy(spec.managedBy, at("managedBy")),
    ...oneOf(spec.completionMode, ["NonIndexed", "Indexed"], at("completionMode")),
    ...(indexed ? validateIndexed(spec, path) : NONE),
    ...((spec.completionMode ?? "NonIndexed") === "NonIndexed" ? validateNonIndexed(spec, path) : NONE),
    ...(spec.podFailurePolicy === undefined ? NONE : validatePodFailurePolicy(spec, at("podFailurePolicy"))),
    ...(spec.successPolicy === undefined
      ? NONE
      : indexed
        ? validateSuccessPolicy(spec, at("successPolicy"))
        : [field.invalid(at("successPolicy"), spec.successPolicy, "requires indexed completion mode")]),
    ...validateReplacement(spec, at("podReplacementPolicy")),
    ...validatePodTemplateSpec(spec.template, at("template"), old?.template),
    ...validateRestartPolicy(spec, field.child(path, "template", "spec", "restartPolicy")),
  ];
}

/** `example.com/controller`. */
function validateManagedBy(managedBy: string | undefined, path: string): Causes {
  if (managedBy === undefined) return NONE;
  const problems = validateDomainPrefixedPath(managedBy, path);
  return byteLength(managedBy) > MANAGED_BY_BYTES_MAX
    ? [...problems, field.tooLong(path, MANAGED_BY_BYTES_MAX)]
    : problems;
}

function validateNonIndexed(spec: JobSpec, path: string): Causes {
  return (["backoffLimitPerIndex", "maxFailedIndexes"] as const)
    .filter((name) => spec[name] !== undefined)
    .map((name) => field.invalid(field.child(path, name), spec[name], "requires indexed completion mode"));
}

function validateIndexed(spec: JobSpec, path: string): Causes {
  const { completions, parallelism = 0, maxFailedIndexes: failed } = spec;
  const at = (name: string): string => field.child(path, name);
  const atMost = (name: string, value: number | undefined, max: number, when = ""): Causes =>
    value !== undefined && value > max
      ? [field.invalid(at(name), value, `must be less than or equal to ${max}${when}`)]
      : NONE;
  const isHigh =
    completions !== undefined &&
    completions > COMPLETIONS_SOFT_MAX &&
    spec.backoffLimitPerIndex !== undefined;
  const high = ` when completions are above ${COMPLETIONS_SOFT_MAX} and used with backoff limit per index`;
  return [
    ...(completions === undefined
      ? [field.required(at("completions"), "when completion mode is Indexed")]
      : NONE),
    ...atMost("parallelism", parallelism, PARALLELISM_MAX, " when completion mode is Indexed"),
    ...(completions !== undefined && failed !== undefined && failed > completions
      ? [field.invalid(at("maxFailedIndexes"), failed, "must be less than or equal to completions")]
      : NONE),
    ...atMost("maxFailedIndexes", failed, FAILED_INDEXES_MAX),
    ...(isHigh && failed === undefined
      ? [
          field.required(
            at("maxFailedIndexes"),
            `must be specified when completions is above ${COMPLETIONS_SOFT_MAX}`,
          ),
        ]
      : NONE),
    ...(isHigh ? atMost("parallelism", parallelism, PARALLELISM_HIGH_MAX, high) : NONE),
    ...(isHigh ? atMost("maxFailedIndexes", failed, FAILED_INDEXES_HIGH_MAX, high) : NONE),
  ];
}

function validateReplacement({ podReplacementPolicy, podFailurePolicy }: JobSpec, path: string): Causes {
  const supported = podFailurePolicy === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"];
  return oneOf(podReplacementPolicy, supported, path);
}

/** A job ends, so its pods must. */
function validateRestartPolicy({ template, podFailurePolicy }: JobSpec, path: string): Causes {
  const policy = template.spec?.restartPolicy ?? "";
  if (policy === "" || policy === "Always") {
    return [field.required(path, 'valid values: "OnFailure", "Never"')];
  }
  if (policy !== "OnFailure" && policy !== "Never") {
    return [field.notSupported(path, policy, ["OnFailure", "Never"])];
  }
  if (podFailurePolicy === undefined || policy === "Never") return NONE;
  return [field.invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')];
}
