/** Pod is a group of containers that run together on one node. @module */
import type { Kind } from "#apimachinery";
import { podColumns } from "./pod-columns.ts";
import { defaultPod } from "./pod-defaults.ts";
import { podStrategy } from "./pod-strategy.ts";
import { podRowConditions } from "./pod-row-conditions.ts";
import { validatePodStatusUpdate } from "./pod-status-validation.ts";
import { validateEphemeralContainersUpdate, validateResize } from "./pod-subresource-validation.ts";
import { validatePodUpdate } from "./pod-update-validation.ts";
import { validatePod, validatePodCreate } from "./pod-validation.ts";
import type { Pod } from "./types.gen.ts";

export const Pods: Kind<Pod> = {
  group: "",
  version: "v1",
  kind: "Pod",
  names: { plural: "pods", singular: "pod", short: ["po"], categories: ["all"] },
  scope: "Namespaced",
  subresources: [
    "status",
    "binding",
    "ephemeralcontainers",
    "eviction",
    "resize",
    "log",
    "exec",
    "attach",
    "portforward",
    "proxy",
  ],
  defaults: defaultPod,
  validate: validatePod,
  validateCreate: validatePodCreate,
  validateUpdate: validatePodUpdate,
  validateStatusUpdate: validatePodStatusUpdate,
  validateSubresource: { ephemeralcontainers: validateEphemeralContainersUpdate, resize: validateResize },
  strategy: podStrategy,
  selectableFields: {
    "spec.nodeName": (pod) => pod.spec?.nodeName ?? "",
    // The name that this field had once.
    "spec.host": (pod) => pod.spec?.nodeName ?? "",
    "spec.restartPolicy": (pod) => pod.spec?.restartPolicy ?? "",
    "spec.schedulerName": (pod) => pod.spec?.schedulerName ?? "",
    "spec.serviceAccountName": (pod) => pod.spec?.serviceAccountName ?? "",
    "spec.hostNetwork": (pod) => String(pod.spec?.hostNetwork ?? false),
    "status.phase": (pod) => pod.status?.phase ?? "",
    "status.podIP": (pod) => pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? "",
    "status.podIPs": (pod) => pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? "",
    "status.nominatedNodeName": (pod) => pod.status?.nominatedNodeName ?? "",
  },
  columns: podColumns,
  rowConditions: podRowConditions,
};
