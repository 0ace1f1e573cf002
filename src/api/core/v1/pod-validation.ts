/** Rules for pods, on create and on every update. @module */
import { field } from "#apimachinery";
import { all, each, NONE, type Causes } from "../../validation/common.ts";
import { validateImages } from "../../validation/containers.ts";
import {
  validateAnnotationUpdate,
  validatePodAnnotations,
  validateProfilesMatch,
} from "../../validation/pod-annotations.ts";
import { podRules } from "../../validation/pod-rules.ts";
import { validatePodSpec } from "../../validation/pod-spec.ts";
import type { Pod, PodSpec } from "./types.gen.ts";

const ANNOTATIONS = "metadata.annotations";

export function validatePod(pod: Pod, old?: Pod): Causes {
  const spec = pod.spec ?? { containers: [] };
  const rules = podRules(true, old);
  const { annotations } = pod.metadata;
  return all(
    validatePodAnnotations(annotations, spec, ANNOTATIONS, rules),
    validatePodSpec(spec, pod.metadata, "spec", rules),
    tokensNeedAccount(spec),
    validateImages(spec.containers, "spec.containers"),
    validateImages(spec.initContainers, "spec.initContainers"),
    old === undefined ? NONE : validateAnnotationUpdate(annotations, old.metadata.annotations, ANNOTATIONS),
  );
}

/** Annotations may only change as far as they mean nothing to the pod's containers. */
export function validateAnnotations(pod: Pod, old: Pod): Causes {
  const { annotations } = pod.metadata;
  const before = old.metadata.annotations;
  if (annotations === undefined && before === undefined) return NONE; // nearly always, and the rules cost a walk of the spec
  const spec = pod.spec ?? { containers: [] };
  return all(
    validateAnnotationUpdate(annotations, before, ANNOTATIONS),
    validatePodAnnotations(annotations, spec, ANNOTATIONS, podRules(true, old)),
  );
}

export function validatePodCreate({ metadata, spec }: Pod): Causes {
  if (spec === undefined) return NONE;
  const isGated = (spec.schedulingGates?.length ?? 0) > 0;
  return all(
    (spec.ephemeralContainers?.length ?? 0) > 0
      ? [field.forbidden("spec.ephemeralContainers", "cannot be set on create")]
      : NONE,
    spec.nodeName && isGated
      ? [field.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")]
      : NONE,
    validateProfilesMatch(metadata, spec, "spec"),
  );
}

function tokensNeedAccount(spec: PodSpec): Causes {
  if (spec.serviceAccountName) return NONE;
  return each(spec.volumes, "spec.volumes", (volume, at) =>
    each(volume.projected?.sources, field.child(at, "projected", "sources"), (source, p) =>
      source.serviceAccountToken === undefined
        ? NONE
        : [
            field.forbidden(
              field.child(p, "serviceAccountToken"),
              "must not be specified when serviceAccountName is not set",
            ),
          ],
    ),
  );
}
