/** Resolves the name of a priority class to the number the scheduler compares. @module */
import { compareStrings, type KubeObject } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import type { PriorityClass } from "#api/scheduling/v1/types.gen";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin, Attributes } from "./plugin.ts";
import { refuse } from "./refuse.ts";

const PRIORITY_CLASSES = "scheduling.k8s.io/priorityclasses";
const PODS = "core/pods";
const DEFAULT_PREEMPTION = "PreemptLowerPriority";

export function priorityAdmission(lookup: ObjectLookup): AdmissionPlugin {
  return {
    name: "Priority",
    operations: ["CREATE", "UPDATE"],
    resources: [PODS, PRIORITY_CLASSES],
    admit(object, attributes) {
      const { resource, subresource, operation } = attributes;
      if (resource !== PODS || subresource !== "" || operation !== "CREATE") return object;
      return admitPod(object as Pod, attributes, lookup);
    },
    validate(attributes) {
      if (attributes.resource !== PRIORITY_CLASSES) return;
      const { globalDefault, metadata } = attributes.object as PriorityClass;
      const current = globalDefault === true ? defaultClass(lookup) : undefined;
      if (current === undefined || current.metadata.name === metadata.name) return;
      throw refuse(
        attributes,
        `PriorityClass ${current.metadata.name} is already marked as default. Only one default can exist`,
      );
    },
  };
}

function admitPod(pod: Pod, attributes: Attributes, lookup: ObjectLookup): KubeObject {
  if (pod.spec === undefined) return pod;
  const name = pod.spec.priorityClassName ?? "";
  const found = name === "" ? defaultClass(lookup) : lookup.get(PRIORITY_CLASSES, "", name);
  if (found === undefined && name !== "") {
    throw refuse(attributes, `no PriorityClass with name ${name} was found`);
  }
  const priorityClass = found as PriorityClass | undefined;
  const priority = priorityClass?.value ?? 0;
  if (pod.spec.priority !== undefined && pod.spec.priority !== priority) {
    throw refuse(
      attributes,
      `the integer value of priority (${pod.spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
    );
  }
  const preemptionPolicy = priorityClass?.preemptionPolicy ?? DEFAULT_PREEMPTION;
  if (pod.spec.preemptionPolicy !== undefined && pod.spec.preemptionPolicy !== preemptionPolicy) {
    throw refuse(
      attributes,
      `the string value of PreemptionPolicy (${pod.spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`,
    );
  }
  const priorityClassName = priorityClass?.metadata.name;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      ...(priorityClassName !== undefined && { priorityClassName }),
      priority,
      preemptionPolicy,
    },
  } as KubeObject;
}

/** The lowest of those marked, as upstream when there are several. */
function defaultClass(lookup: ObjectLookup): PriorityClass | undefined {
  const marked = (lookup.list(PRIORITY_CLASSES) as readonly PriorityClass[]).filter(
    (priorityClass) => priorityClass.globalDefault === true,
  );
  return marked.toSorted(
    (a, b) => (a.value ?? 0) - (b.value ?? 0) || compareStrings(a.metadata.name, b.metadata.name),
  )[0];
}
