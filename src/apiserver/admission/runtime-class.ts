/** Pods of a runtime class carry its overhead and go where it runs. @module */
import type { KubeObject } from "#apimachinery";
import type { Pod, PodSpec } from "#api/core/v1/types.gen";
import type { RuntimeClass } from "#api/node/v1/types.gen";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin, Attributes } from "./plugin.ts";
import { refuse } from "./refuse.ts";

export function runtimeClassAdmission(lookup: ObjectLookup): AdmissionPlugin {
  return {
    name: "RuntimeClass",
    operations: ["CREATE"],
    resources: ["core/pods"],
    async admit(object, attributes) {
      const pod = object as Pod;
      const name = pod.spec?.runtimeClassName;
      if (pod.spec === undefined || name === undefined || attributes.subresource !== "") return object;
      const found = await lookup.getLive("node.k8s.io/runtimeclasses", "", name);
      if (found === undefined) {
        throw refuse(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
      }
      const runtimeClass = found as RuntimeClass;
      const spec = withScheduling(withOverhead(pod.spec, runtimeClass, attributes), runtimeClass, attributes);
      return { ...pod, spec } as KubeObject;
    },
  };
}

function withOverhead(spec: PodSpec, { overhead }: RuntimeClass, attributes: Attributes): PodSpec {
  if (overhead?.podFixed === undefined) return spec;
  const given = spec.overhead;
  if (given !== undefined && JSON.stringify(given) !== JSON.stringify(overhead.podFixed)) {
    throw refuse(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  }
  return { ...spec, overhead: overhead.podFixed };
}

function withScheduling(spec: PodSpec, { scheduling }: RuntimeClass, attributes: Attributes): PodSpec {
  if (scheduling === undefined) return spec;
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value) {
      throw refuse(attributes, `conflict: pod and RuntimeClass both specify ${key} in nodeSelector`);
    }
  }
  return {
    ...spec,
    ...(scheduling.nodeSelector !== undefined && {
      nodeSelector: { ...spec.nodeSelector, ...scheduling.nodeSelector },
    }),
    ...(scheduling.tolerations !== undefined && {
      tolerations: [...(spec.tolerations ?? []), ...scheduling.tolerations],
    }),
  };
}
