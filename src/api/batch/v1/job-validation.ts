/** Rules for Jobs. @module */
import { field, isDns1123Label, labels as selectors, validateLabelSelector } from "#apimachinery";
import { immutable, NONE, type Causes } from "../../validation/common.ts";
import { selectorMatchesTemplate } from "../../validation/pod-template.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import type { PodTemplateSpec } from "../../core/v1/types.gen.ts";
import { validateJobSpec } from "./job-spec-validation.ts";
import { CONTROLLER_UID_LABEL, JOB_NAME_LABEL } from "./job-strategy.ts";
import type { Job, JobSpec } from "./types.gen.ts";

const TEMPLATE_METADATA = "spec.template.metadata";

export function validateJob(job: Job): Causes {
  const { spec } = job;
  if (spec === undefined) return [field.required("spec.template")];
  return [
    ...validateGeneratedSelector(job, spec),
    ...validateJobSpec(spec, "spec"),
    ...(spec.selector === undefined
      ? [field.required("spec.selector")]
      : validateLabelSelector(spec.selector, "spec.selector")),
    ...selectorMatchesTemplate(spec.selector, spec.template, "spec.template"),
    ...validatePodNames(job, spec),
  ];
}

/** A user may set labels that the system would; then they must be the same. */
function validateGeneratedSelector({ metadata }: Job, spec: JobSpec): Causes {
  if (spec.manualSelector === true || spec.selector === undefined) return NONE;
  const expected = {
    "controller-uid": metadata.uid ?? "",
    "job-name": metadata.name,
    [CONTROLLER_UID_LABEL]: metadata.uid ?? "",
    [JOB_NAME_LABEL]: metadata.name,
  };
  const invalidSelector = validateLabelSelector(spec.selector, "spec.selector").length > 0;
  const matches = invalidSelector || selectors.matches(selectors.fromLabelSelector(spec.selector), expected);
  return [
    ...(metadata.uid ? NONE : [field.required("metadata.uid")]),
    ...Object.entries(expected).flatMap(([key, value]) => hasLabel(spec.template, key, value)),
    ...(matches ? NONE : [field.invalid("spec.selector", spec.selector, "`selector` not auto-generated")]),
  ];
}

function hasLabel(template: PodTemplateSpec, key: string, expected: string): Causes {
  const labels = template.metadata?.labels ?? {};
  const path = field.child(TEMPLATE_METADATA, "labels");
  const actual = labels[key];
  if (actual === expected) return NONE;
  if (actual === undefined) return [field.required(field.key(path, key), `must be '${expected}'`)];
  return [field.invalid(field.key(path, key), labels, `must be '${expected}'`)];
}

function validatePodNames({ metadata }: Job, spec: JobSpec): Causes {
  if (spec.completionMode !== "Indexed" || !spec.completions) return NONE;
  const longest = `${metadata.name}-${spec.completions - 1}`;
  if (isDns1123Label(longest).length === 0) return NONE;
  const message = `will not able to create pod with invalid DNS label: ${longest}`;
  return [field.invalid("metadata.name", metadata.name, message)];
}

export function validateJobUpdate(job: Job, old: Job): Causes {
  const [spec, before] = [job.spec, old.spec];
  if (spec === undefined || before === undefined) return NONE;
  return [
    ...validateCompletions(spec, before),
    ...immutable(spec.selector, before.selector, "spec.selector"),
    ...immutable(spec.template, mutableTemplate(job, old), "spec.template"),
    ...immutable(spec.completionMode, before.completionMode, "spec.completionMode"),
    ...immutable(spec.podFailurePolicy, before.podFailurePolicy, "spec.podFailurePolicy"),
    ...immutable(spec.backoffLimitPerIndex, before.backoffLimitPerIndex, "spec.backoffLimitPerIndex"),
    ...immutable(spec.managedBy, before.managedBy, "spec.managedBy"),
    ...immutable(spec.successPolicy, before.successPolicy, "spec.successPolicy"),
  ];
}

/** The number of completions of an indexed job may change with its parallelism (KEP-3715). */
function validateCompletions(spec: JobSpec, old: JobSpec): Causes {
  const path = "spec.completions";
  if (spec.completionMode !== "Indexed") return immutable(spec.completions, old.completions, path);
  if (spec.completions === undefined || semanticEqual(spec.completions, old.completions)) return NONE;
  if (spec.completions === spec.parallelism) return NONE;
  return [field.invalid(path, spec.completions, "can only be modified in tandem with parallelism")];
}

/** The old template with what a suspended job that never ran may change (KEP-2926). */
function mutableTemplate(job: Job, old: Job): PodTemplateSpec | undefined {
  const [template, before] = [job.spec?.template, old.spec?.template];
  const neverStarted = old.status?.startTime === undefined;
  if (template?.spec === undefined || before?.spec === undefined) return before;
  if (old.spec?.suspend !== true || !neverStarted) return before;
  const { nodeSelector: _n, tolerations: _t, schedulingGates: _g, affinity: _a, ...rest } = before.spec;
  const { nodeSelector, tolerations, schedulingGates, affinity } = template.spec;
  const nodeAffinity = affinity?.nodeAffinity;
  const { nodeAffinity: _old, ...otherAffinity } = before.spec.affinity ?? {};
  return {
    ...before,
    metadata: { ...before.metadata, ...template.metadata },
    spec: {
      ...rest,
      ...(nodeSelector !== undefined && { nodeSelector }),
      ...(tolerations !== undefined && { tolerations }),
      ...(schedulingGates !== undefined && { schedulingGates }),
      affinity: { ...otherAffinity, ...(nodeAffinity !== undefined && { nodeAffinity }) },
    },
  };
}
