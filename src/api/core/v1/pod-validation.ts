/** Rules for pods, on create and on every update. @module */
import { field } from "#apimachinery";
import { all, each, NONE, type Causes } from "../../validation/common.ts";
import { validateImages } from "../../validation/containers.ts";
import { validatePodSpec } from "../../validation/pod-spec.ts";
import type { Pod, PodSpec } from "./types.gen.ts";

const MIRROR_ANNOTATION = "kubernetes.io/config.mirror";

export function validatePod(pod: Pod): Causes {
  const spec = pod.spec ?? { containers: [] };
  return all(
    mirrorPodHasNode(pod),
    validatePodSpec(spec, pod.metadata, "spec", { isPod: true }),
    tokensNeedAccount(spec),
    validateImages(spec.containers, "spec.containers"),
    validateImages(spec.initContainers, "spec.initContainers"),
    spec.nodeName && (spec.schedulingGates?.length ?? 0) > 0
      ? [field.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")]
      : NONE,
  );
}

/** A mirror pod is a node's, so it must say which. */
function mirrorPodHasNode({ metadata, spec }: Pod): Causes {
  if (metadata.annotations?.[MIRROR_ANNOTATION] === undefined || spec?.nodeName) return NONE;
  return [
    field.invalid(
      `metadata.annotations.${MIRROR_ANNOTATION}`,
      metadata.annotations[MIRROR_ANNOTATION],
      "must set spec.nodeName if mirror pod annotation is set",
    ),
  ];
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
