/** What the API server sets on pods, and what updates may not touch. @module */
import type { Strategy } from "#apimachinery";
import { computeQosClass } from "./qos.ts";
import { isPodTerminal } from "./pod-state.ts";
import { warningsForIp } from "../../validation/address-warnings.ts";
import { withAppArmorFields } from "./apparmor-annotations.ts";
import { withoutDisabledFields } from "./disabled-fields.ts";
import { withMatchLabelKeys } from "./match-label-keys.ts";
import { warningsForPod } from "./pod-warnings.ts";
import type { Pod, PodSpec, PodStatus } from "./types.gen.ts";

const GATED_MESSAGE = "Scheduling is blocked due to non-empty scheduling gates";

export const podStrategy: Strategy<Pod> = {
  prepareForCreate(pod) {
    if (pod.spec === undefined) return { ...pod, status: { phase: "Pending" } };
    const { labels = {}, annotations = {} } = pod.metadata;
    const served = withMatchLabelKeys(withoutDisabledFields(pod.spec), labels);
    const spec = withAppArmorFields(served, annotations);
    return { ...pod, spec, status: initialStatus(spec) };
  },
  prepareForUpdate: (pod) =>
    pod.spec === undefined ? pod : { ...pod, spec: withoutDisabledFields(pod.spec) },
  prepareForStatusUpdate: (pod, old) => ({
    ...pod,
    metadata: withOwners(pod.metadata, old.metadata.ownerReferences),
    ...(old.spec !== undefined && { spec: old.spec }),
    status: keepWhatOldKubeletsDrop(pod.status ?? {}, old.status ?? {}),
  }),
  // Few people update pods, and kubelets often do.
  warnings: (pod, old, subresource) => {
    if (old === undefined) return warningsForPod(pod);
    return subresource === "status" ? warningsForAddresses(pod) : [];
  },
  // Zero: at once, whatever the delete asks for, because no kubelet would answer for the pod.
  defaultGracePeriodSeconds(pod) {
    if (!pod.spec?.nodeName || isPodTerminal(pod)) return 0;
    const seconds = pod.spec.terminationGracePeriodSeconds ?? 0;
    return seconds < 0 ? 1 : seconds;
  },
};

function warningsForAddresses({ status }: Pod): readonly string[] {
  return (["podIPs", "hostIPs"] as const).flatMap((name) =>
    (status?.[name] ?? []).flatMap(({ ip }, i) => warningsForIp(ip, `status.${name}[${i}].ip`)),
  );
}

/** The class of service, and which generation the status and its conditions are about. */
function keepWhatOldKubeletsDrop(status: PodStatus, old: PodStatus): PodStatus {
  const { qosClass = old.qosClass, observedGeneration = old.observedGeneration } = status;
  const seen = new Map<string, number>();
  const conditions = status.conditions?.map((condition) => {
    const nth = seen.get(condition.type) ?? 0;
    seen.set(condition.type, nth + 1);
    const before = (old.conditions ?? []).filter((c) => c.type === condition.type)[nth];
    return condition.observedGeneration || !before?.observedGeneration
      ? condition
      : { ...condition, observedGeneration: before.observedGeneration };
  });
  return {
    ...status,
    ...(qosClass !== undefined && { qosClass }),
    ...(observedGeneration !== undefined && { observedGeneration }),
    ...(conditions !== undefined && { conditions }),
  };
}

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
