/** What the API server sets on pods, and what updates may not touch. @module */
import type { Strategy } from "#apimachinery";
import { computeQosClass } from "./qos.ts";
import { isPodTerminal } from "./pod-state.ts";
import { withMatchLabelKeys } from "./match-label-keys.ts";
import type { Pod, PodSpec, PodStatus } from "./types.gen.ts";

const GATED_MESSAGE = "Scheduling is blocked due to non-empty scheduling gates";

export const podStrategy: Strategy<Pod> = {
  prepareForCreate(pod) {
    if (pod.spec === undefined) return { ...pod, status: { phase: "Pending" } };
    const spec = withMatchLabelKeys(pod.spec, pod.metadata.labels ?? {});
    return { ...pod, spec, status: initialStatus(spec) };
  },
  prepareForStatusUpdate: (pod, old) => ({
    ...pod,
    metadata: withOwners(pod.metadata, old.metadata.ownerReferences),
    ...(old.spec !== undefined && { spec: old.spec }),
    status: { ...pod.status, ...(old.status?.qosClass !== undefined && { qosClass: old.status.qosClass }) },
  }),
  // Zero: at once, whatever the delete asks for, because no kubelet would answer for the pod.
  defaultGracePeriodSeconds(pod) {
    if (!pod.spec?.nodeName || isPodTerminal(pod)) return 0;
    const seconds = pod.spec.terminationGracePeriodSeconds ?? 0;
    return seconds < 0 ? 1 : seconds;
  },
};

function withOwners(metadata: Pod["metadata"], owners: Pod["metadata"]["ownerReferences"]): Pod["metadata"] {
  const { ownerReferences: _, ...rest } = metadata;
  return owners === undefined ? rest : { ...rest, ownerReferences: owners };
}

function initialStatus(spec: PodSpec): PodStatus {
  const gated = (spec.schedulingGates?.length ?? 0) > 0;
  return {
    phase: "Pending",
    qosClass: computeQosClass(spec),
    ...(gated && {
      conditions: [
        { type: "PodScheduled", status: "False", reason: "SchedulingGated", message: GATED_MESSAGE },
      ],
    }),
  };
}
