/** Rules for Jobs. @module */
import { field, isDns1123Label, labels as selectors, validateLabelSelector } from "#apimachinery";
import { immutable, NONE, type Causes } from "../../validation/common.ts";
import { hasInvalidSelectorValue, selectorMatchesTemplate } from "../../validation/pod-template.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import type { Container, PodSpec, PodTemplateSpec } from "../../core/v1/types.gen.ts";
import { validateJobSpec } from "./job-spec-validation.ts";
import { CONTROLLER_UID_LABEL, JOB_NAME_LABEL } from "./job-strategy.ts";
import type { Job, JobSpec } from "./types.gen.ts";

const TEMPLATE_METADATA = "spec.template.metadata";

export function validateJob(job: Job, old?: Job): Causes {
  const { spec } = job;
  if (spec === undefined) return [field.required("spec.template")];
  const before = old?.spec;
  const stored = before?.template.metadata?.labels;
  const isPrefixed = stored === undefined || (JOB_NAME_LABEL in stored && CONTROLLER_UID_LABEL in stored);
  return [
    ...validateGeneratedSelector(job, spec, old === undefined || isPrefixed),
    ...validateJobSpec(spec, "spec", before),
    ...(spec.selector === undefined
      ? [field.required("spec.selector")]
      : validateLabelSelector(spec.selector, "spec.selector", hasInvalidSelectorValue(before?.selector))),
    ...selectorMatchesTemplate(spec.selector, spec.template, "spec.template"),
    ...validatePodNames(job, spec),
  ];
}

/** A user may set labels that the system would; then they must be the same. */
function validateGeneratedSelector({ metadata }: Job, spec: JobSpec, isPrefixed: boolean): Causes {
  if (spec.manualSelector === true || spec.selector === undefined) return NONE;
  const expected = {
    "controller-uid": metadata.uid ?? "",
    "job-name": metadata.name,
    ...(isPrefixed && {
      [CONTROLLER_UID_LABEL]: metadata.uid ?? "",
      [JOB_NAME_LABEL]: metadata.name,
    }),
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
  if (spec.completionMode !== "Indexed" || !spec.completions || spec.completions < 0) return NONE;
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
    ...validateTemplateChange(spec, before, old),
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
  return [field.invalid(path, spec.completions, "can only be modified in tandem with spec.parallelism")];
}

/** Suspended, and none of its pods are left: where they run, and with what, may be chosen anew (KEP-2926, KEP-5440). */
function isMutable({ spec, status }: Job): boolean {
  const stopped = status?.conditions?.some((c) => c.type === "Suspended" && c.status === "True") === true;
  const neverRan = status?.startTime === undefined;
  return spec?.suspend === true && (neverRan || stopped) && (status?.active ?? 0) === 0;
}

function validateTemplateChange(spec: JobSpec, before: JobSpec, old: Job): Causes {
  const [now, then] = [spec.template, before.template];
  if (!isMutable(old) || now.spec === undefined || then.spec === undefined) {
    return immutable(now, then, "spec.template");
  }
  return immutable(
    now.spec,
    withResourcesOf(now.spec, withPlacementOf(now.spec, then.spec)),
    "spec.template.spec",
  );
}

/** The old template with the new node affinity, node selector, tolerations and gates. */
function withPlacementOf(now: PodSpec, then: PodSpec): PodSpec {
  const { nodeSelector: _n, tolerations: _t, schedulingGates: _g, affinity: oldAffinity, ...rest } = then;
  const { nodeSelector, tolerations, schedulingGates, affinity } = now;
  const { nodeAffinity: _old, ...others } = oldAffinity ?? {};
  const nodeAffinity = affinity?.nodeAffinity;
  const merged = { ...others, ...(nodeAffinity !== undefined && { nodeAffinity }) };
  const isCleared = affinity === undefined && Object.keys(others).length === 0;
  return {
    ...rest,
    ...(nodeSelector !== undefined && { nodeSelector }),
    ...(tolerations !== undefined && { tolerations }),
    ...(schedulingGates !== undefined && { schedulingGates }),
    ...(!isCleared && { affinity: merged }),
  };
}

/** The old template with the new resources of containers that are the same ones. */
function withResourcesOf(now: PodSpec, then: PodSpec): PodSpec {
  return {
    ...then,
    containers: takeResources(then.containers, now.containers),
    ...(then.initContainers !== undefined && {
      initContainers: takeResources(then.initContainers, now.initContainers ?? []),
    }),
  };
}

function takeResources(list: readonly Container[], from: readonly Container[]): readonly Container[] {
  if (list.length !== from.length) return list;
  return list.map((container, i) => {
    const { name, resources } = from[i]!;
    if (name !== container.name) return container;
    const { resources: _resources, ...rest } = container;
    return resources === undefined ? rest : { ...rest, resources };
  });
}
