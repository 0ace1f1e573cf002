/** Pod templates, and the rules that every controller of pods has for its own. @module */
import {
  field,
  isLabelValue,
  labels as selectors,
  validateAnnotations,
  validateLabels,
  validateLabelSelector,
} from "#apimachinery";
import type { PodTemplateSpec } from "../core/v1/types.gen.ts";
import type { LabelSelector } from "../meta/v1/types.gen.ts";
import { all, NONE, type Causes } from "./common.ts";
import { validatePodAnnotations, validateProfilesMatch } from "./pod-annotations.ts";
import { podRules } from "./pod-rules.ts";
import { validatePodSpec } from "./pod-spec.ts";

/** Upstream's paths of the template's labels and annotations leave `metadata` out. */
export function validatePodTemplateSpec(
  template: PodTemplateSpec,
  path: string,
  old?: PodTemplateSpec,
): Causes {
  const { metadata, spec = { containers: [] } } = template;
  const annotationsPath = field.child(path, "annotations");
  const specPath = field.child(path, "spec");
  const rules = podRules(false, old);
  return all(
    validateLabels(metadata?.labels, field.child(path, "labels")),
    validateAnnotations(metadata?.annotations, annotationsPath),
    validatePodAnnotations(metadata?.annotations, spec, annotationsPath, rules),
    validatePodSpec(spec, undefined, specPath, rules),
    validateProfilesMatch(metadata, spec, specPath),
    (spec.ephemeralContainers?.length ?? 0) > 0
      ? [
          field.forbidden(
            field.child(specPath, "ephemeralContainers"),
            "ephemeral containers not allowed in pod template",
          ),
        ]
      : NONE,
  );
}

/** A controller runs for ever, and so do its pods. */
export function alwaysRestarts(template: PodTemplateSpec, path: string, kind: string): Causes {
  const at = field.child(path, "spec", "restartPolicy");
  const policy = template.spec?.restartPolicy ?? "";
  const deadline = template.spec?.activeDeadlineSeconds;
  return all(
    policy === "Always" ? NONE : [field.notSupported(at, policy, ["Always"])],
    deadline === undefined
      ? NONE
      : [
          field.forbidden(
            field.child(path, "spec", "activeDeadlineSeconds"),
            `activeDeadlineSeconds in ${kind} is not Supported`,
          ),
        ],
  );
}

export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  if (selector === undefined) return false;
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

/** Stored selectors may have values that no label can have. */
export function hasInvalidSelectorValue(selector: LabelSelector | undefined): boolean {
  return (selector?.matchExpressions ?? []).some(({ values = [] }) =>
    values.some((value) => isLabelValue(value).length > 0),
  );
}

/** A selector that is there, valid, and not everything; `kind` for the message. */
export function validateWorkloadSelector(
  selector: LabelSelector | undefined,
  path: string,
  kind: string,
): Causes {
  if (selector === undefined) return [field.required(path)];
  return all(
    validateLabelSelector(selector, path),
    isEmptySelector(selector)
      ? [field.invalid(path, selector, `empty selector is invalid for ${kind}`)]
      : NONE,
  );
}

/** A selector that does not match its own template would create pods without end; an absent one matches nothing. */
export function selectorMatchesTemplate(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec,
  path: string,
): Causes {
  const own = template.metadata?.labels;
  if (selector !== undefined) {
    if (validateLabelSelector(selector, path).length > 0) return NONE;
    const parsed = selectors.fromLabelSelector(selector);
    if (selectors.isEverything(parsed) || selectors.matches(parsed, own)) return NONE;
  }
  const at = field.child(path, "metadata", "labels");
  return [field.invalid(at, own, "`selector` does not match template `labels`")];
}

/** Upstream does not look at templates whose selector cannot be read; `detail` is what it says then. */
export function validateSelectedTemplate(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec,
  detail: string,
  validate: () => Causes,
): Causes {
  if (selector !== undefined && validateLabelSelector(selector, "").length > 0) {
    return [field.invalid("spec.selector", selector, detail)];
  }
  return all(selectorMatchesTemplate(selector, template, "spec.template"), validate());
}
