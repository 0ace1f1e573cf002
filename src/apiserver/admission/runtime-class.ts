/** Pods of a runtime class carry its overhead and go where it runs. @module */
import { sameQuantities, type KubeObject } from "#apimachinery";
import type { Pod, PodSpec } from "#api/core/v1/types.gen";
import type { RuntimeClass } from "#api/node/v1/types.gen";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin, Attributes } from "./plugin.ts";
import { mergeTolerations } from "./pod-toleration-restriction/tolerations.ts";
import { refuse } from "./refuse.ts";

const RUNTIME_CLASSES = "node.k8s.io/runtimeclasses";
const MISMATCH = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

export function runtimeClassAdmission(lookup: ObjectLookup): AdmissionPlugin {
  /** undefined for pods of none. Rejects with the refusal. */
  const classOf = async (spec: PodSpec, attributes: Attributes): Promise<RuntimeClass | undefined> => {
    const { runtimeClassName: name } = spec;
    if (name === undefined) return undefined;
    const found = lookup.get(RUNTIME_CLASSES, "", name) ?? (await lookup.getLive(RUNTIME_CLASSES, "", name));
    if (found !== undefined) return found as RuntimeClass;
    throw refuse(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  };
  return {
    name: "RuntimeClass",
    operations: ["CREATE"],
    resources: ["core/pods"],
    admit(object, attributes) {
      const pod = object as Pod;
      const { spec } = pod;
      if (spec?.runtimeClassName === undefined || attributes.subresource !== "") return object;
      return classOf(spec, attributes).then((found) => {
        const planned = withScheduling(withOverhead(spec, found!, attributes), found!, attributes);
        return { ...pod, spec: planned } as KubeObject;
      });
    },
    validate(attributes) {
      const { spec } = attributes.object as Pod;
      if (spec === undefined || attributes.subresource !== "") return undefined;
      if (spec.runtimeClassName === undefined) return validateOverhead(spec, undefined, attributes);
      return classOf(spec, attributes).then((found) => validateOverhead(spec, found, attributes));
    },
  };
}

function withOverhead(spec: PodSpec, { overhead }: RuntimeClass, attributes: Attributes): PodSpec {
  if (overhead === undefined) return spec;
  const isGiven = Object.keys(spec.overhead ?? {}).length > 0;
  if (isGiven && !sameQuantities(overhead.podFixed, spec.overhead)) throw refuse(attributes, MISMATCH);
  const { overhead: _given, ...rest } = spec;
  return { ...rest, ...(overhead.podFixed !== undefined && { overhead: overhead.podFixed }) };
}

function validateOverhead(spec: PodSpec, found: RuntimeClass | undefined, attributes: Attributes): void {
  if (found?.overhead !== undefined) {
    if (!sameQuantities(found.overhead.podFixed, spec.overhead)) throw refuse(attributes, MISMATCH);
  } else if (spec.overhead !== undefined) {
    const why = "Pod Overhead set without corresponding RuntimeClass defined Overhead";
    throw refuse(attributes, `pod rejected: ${why}`);
  }
}

function withScheduling(spec: PodSpec, { scheduling }: RuntimeClass, attributes: Attributes): PodSpec {
  if (scheduling === undefined) return spec;
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value) {
      throw refuse(
        attributes,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      );
    }
  }
  return {
    ...spec,
    ...(scheduling.nodeSelector !== undefined && {
      nodeSelector: { ...spec.nodeSelector, ...scheduling.nodeSelector },
    }),
    ...(scheduling.tolerations !== undefined && {
      tolerations: [...mergeTolerations(spec.tolerations ?? [], scheduling.tolerations)],
    }),
  };
}
