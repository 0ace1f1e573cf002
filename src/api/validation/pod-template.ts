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
import { validatePodSpec } from "./pod-spec.ts";

export function validatePodTemplateSpec(template: PodTemplateSpec, path: string): Causes {
  const metadata = field.child(path, "metadata");
  const spec = template.spec ?? { containers: [] };
  return all(
    validateLabels(template.metadata?.labels, field.child(metadata, "labels")),
    validateAnnotations(template.metadata?.annotations, field.child(metadata, "annotations")),
    validatePodSpec(spec, undefined, field.child(path, "spec"), { isPod: false }),
    (spec.ephemeralContainers?.length ?? 0) > 0
      ? [
          field.forbidden(
            field.child(path, "spec", "ephemeralContainers"),
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
