/** Pods get the requests and limits that their namespace gives by default, and keep within its bounds. @module */
import { compareStrings, type KubeObject } from "#apimachinery";
import type { Container, LimitRange, PersistentVolumeClaim, Pod, PodSpec } from "#api/core/v1/types.gen";
import type { ResourceList } from "#api/core/v1/pod-resources";
import { aggregate, claimViolations, podViolations } from "./limit-constraints.ts";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin, Attributes } from "./plugin.ts";
import { refuse } from "./refuse.ts";

const PODS = "core/pods";
const CLAIMS = "core/persistentvolumeclaims";
const ANNOTATION = "kubernetes.io/limit-ranger";

export function limitRanger(lookup: ObjectLookup): AdmissionPlugin {
  const rangesOf = (attributes: Attributes): readonly LimitRange[] => {
    if (!isConcerned(attributes)) return [];
    const ranges = lookup.list("core/limitranges", attributes.namespace) as readonly LimitRange[];
    return ranges.toSorted((a, b) => compareStrings(a.metadata.name, b.metadata.name));
  };
  return {
    name: "LimitRanger",
    operations: ["CREATE", "UPDATE"],
    resources: [PODS, CLAIMS],
    admit(object, attributes) {
      if (attributes.resource !== PODS) return object;
      return rangesOf(attributes).reduce(withDefaults, object as Pod) as KubeObject;
    },
    validate(attributes) {
      for (const { spec } of rangesOf(attributes)) {
        const reasons = violationsOf(spec?.limits ?? [], attributes);
        if (reasons.length > 0) throw refuse(attributes, aggregate(reasons));
      }
    },
  };
}

/** Containers of a pod change by `resize` alone; what is going away is left alone. */
function isConcerned({ resource, subresource, operation, oldObject }: Attributes): boolean {
  if (oldObject?.metadata.deletionTimestamp !== undefined) return false;
  if (resource === PODS && operation === "UPDATE") return subresource === "resize";
  return subresource === "";
}

function violationsOf(
  items: NonNullable<LimitRange["spec"]>["limits"],
  { resource, object }: Attributes,
): readonly string[] {
  if (resource === CLAIMS) return claimViolations(items, object as PersistentVolumeClaim);
  const { spec } = object as Pod;
  return spec === undefined ? [] : podViolations(items, spec);
}

interface Defaults {
  readonly requests: ResourceList;
  readonly limits: ResourceList;
}

/** The pod with what the range gives to containers that do not say; an annotation tells which. */
function withDefaults(pod: Pod, { spec: range }: LimitRange): Pod {
  if (pod.spec === undefined) return pod;
  const items = (range?.limits ?? []).filter(({ type }) => type === "Container");
  const defaults: Defaults = {
    requests: Object.assign({}, ...items.map(({ defaultRequest }) => defaultRequest)) as ResourceList,
    limits: Object.assign({}, ...items.map((item) => item.default)) as ResourceList,
  };
  const notes: string[] = [];
  const complete = (containers: readonly Container[], what: string): readonly Container[] =>
    containers.map((container) => completed(container, defaults, what, notes));
  const { containers, initContainers } = pod.spec;
  const spec: PodSpec = {
    ...pod.spec,
    containers: complete(containers, "container"),
    ...(initContainers !== undefined && { initContainers: complete(initContainers, "init container") }),
  };
  if (notes.length === 0) return pod;
  const annotations = {
    ...pod.metadata.annotations,
    [ANNOTATION]: `LimitRanger plugin set: ${notes.join("; ")}`,
  };
  return { ...pod, metadata: { ...pod.metadata, annotations }, spec };
}

function completed(container: Container, defaults: Defaults, what: string, notes: string[]): Container {
  const { requests = {}, limits = {} } = container.resources ?? {};
  const newRequests = missing(requests, defaults.requests);
  const newLimits = missing(limits, defaults.limits);
  if (newRequests.length > 0) {
    notes.push(`${newRequests.join(", ")} request for ${what} ${container.name}`);
  }
  if (newLimits.length > 0) notes.push(`${newLimits.join(", ")} limit for ${what} ${container.name}`);
  if (newRequests.length + newLimits.length === 0) return container;
  const resources = {
    ...container.resources,
    limits: { ...defaults.limits, ...limits },
    requests: { ...defaults.requests, ...requests },
  };
  return { ...container, resources };
}

function missing(given: ResourceList, defaults: ResourceList): readonly string[] {
  return Object.keys(defaults)
    .filter((name) => !Object.hasOwn(given, name))
    .toSorted(compareStrings);
}
