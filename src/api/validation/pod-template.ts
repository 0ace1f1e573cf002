/** Pod templates, and the rules that every controller of pods has for its own. @module */
import {
  field,
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

/** A selector that is there, valid, and not everything; `kind` for the message. */
export function validateWorkloadSelector(
  selector: LabelSelector | undefined,
  path: string,
  kind: string,
): Causes {
  if (selector === undefined) return [field.required(path)];
  const isEmpty =
    Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions?.length ?? 0) === 0;
  return all(
    validateLabelSelector(selector, path),
    isEmpty ? [field.invalid(path, selector, `empty selector is invalid for ${kind}`)] : NONE,
  );
}

/** A selector that does not match its own template would create pods without end. */
export function selectorMatchesTemplate(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec,
  path: string,
): Causes {
  if (selector === undefined || validateLabelSelector(selector, path).length > 0) return NONE;
  const own = template.metadata?.labels;
  const parsed = selectors.fromLabelSelector(selector);
  if (selectors.isEverything(parsed) || selectors.matches(parsed, own)) return NONE;
  const at = field.child(path, "metadata", "labels");
  return [field.invalid(at, own ?? {}, "`selector` does not match template `labels`")];
}
