/** Rules for writers of `pods/ephemeralcontainers` and `pods/resize`. @module */
import { field } from "#apimachinery";
import { all, each, NONE, type Causes } from "../../validation/common.ts";
import { MIRROR_ANNOTATION } from "../../validation/pod-annotations.ts";
import { isSidecar } from "../../validation/pod-visit.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { validatePod } from "./pod-validation.ts";
import { computeQosClass } from "./qos.ts";
import { specDifference } from "./spec-difference.ts";
import type { Container, Pod, PodSpec, ResourceRequirements } from "./types.gen.ts";

/** The path of causes that concern the whole object. */
const WHOLE = "[]";

/** Ephemeral containers are added and stay as they are. */
export function validateEphemeralContainersUpdate(pod: Pod, old: Pod): Causes {
  if (old.metadata.annotations?.[MIRROR_ANNOTATION] !== undefined) {
    return [field.forbidden(WHOLE, "static pods do not support ephemeral containers")];
  }
  const path = "spec.ephemeralContainers";
  const now = new Map((pod.spec?.ephemeralContainers ?? []).map((c) => [c.name, c]));
  return all(
    validatePod(pod, old),
    (old.spec?.ephemeralContainers ?? []).flatMap((before) => {
      const name = JSON.stringify(before.name);
      const after = now.get(before.name);
      if (after === undefined) {
        return [field.forbidden(path, `existing ephemeral containers ${name} may not be removed\n`)];
      }
      if (semanticEqual(before, after)) return [];
      const difference = specDifference(before, after);
      return [
        field.forbidden(path, `existing ephemeral containers ${name} may not be changed\n${difference}`),
      ];
    }),
  );
}

const ONLY = "only cpu and memory resources are mutable";

/** CPU and memory of running containers change, and nothing else (KEP-1287). */
export function validateResize(pod: Pod, old: Pod): Causes {
  const [spec, before] = [pod.spec, old.spec];
  if (spec === undefined || before === undefined) return NONE;
  if (old.metadata.annotations?.[MIRROR_ANNOTATION] !== undefined) {
    return [field.forbidden(WHOLE, "static pods cannot be resized")];
  }
  if (before.os?.name === "windows") return [field.forbidden(WHOLE, "windows pods cannot be resized")];
  const qosClass = old.status?.qosClass || computeQosClass(before);
  const qosMessage = "Pod QOS Class may not change as a result of resizing";
  const order = validateOrder(spec, before);
  const general = all(
    validatePod(pod, old),
    qosClass === computeQosClass(spec)
      ? NONE
      : [field.invalid("spec", pod.status?.qosClass ?? "", qosMessage)],
    isSupported(old) ? NONE : [field.forbidden("spec", "Pod running on node without support for resize")],
    validatePodLevel(spec, before),
    order,
  );
  return order.length > 0 ? general : withContainers(general, spec, before);
}

function withContainers(general: Causes, spec: PodSpec, before: PodSpec): Causes {
  const causes = all(
    general,
    removed(spec.initContainers, before.initContainers, "spec.initContainers"),
    removed(spec.containers, before.containers, "spec.containers"),
    spec.containers
      .filter(
        (container, i) => !semanticEqual(settled(container, before.containers[i]!), before.containers[i]),
      )
      .map(() => field.forbidden("spec", ONLY)),
    each(spec.initContainers, "spec.initContainers", (container, at, i) =>
      validateInit(container, before.initContainers![i]!, at),
    ),
  );
  if (causes.length > 0) return causes;
  const rest = {
    ...spec,
    containers: before.containers,
    ...(before.initContainers !== undefined && { initContainers: before.initContainers }),
    resources: before.resources,
  };
  return semanticEqual(rest, before) ? NONE : [field.forbidden("spec", ONLY)];
}

/** Whether the node's kubelet can: it then tells the resources of running containers. */
function isSupported({ status }: Pod): boolean {
  const running = status?.containerStatuses?.find((c) => c.state?.running !== undefined);
  return running === undefined || running.resources !== undefined;
}

function hasPodResources({ resources = {} }: PodSpec): boolean {
  return Object.keys({ ...resources.requests, ...resources.limits }).length > 0;
}

function validatePodLevel(spec: PodSpec, before: PodSpec): Causes {
  if (!hasPodResources(spec) && !hasPodResources(before)) return NONE;
  const path = "spec.resources";
  if (before.resources !== undefined && spec.resources === undefined) {
    return [field.forbidden(path, "pod-level resources cannot be removed")];
  }
  const isSame = semanticEqual(withOldSizes(spec.resources, before.resources), before.resources);
  return all(
    lost(spec.resources?.requests, before.resources?.requests)
      ? [field.forbidden(field.child(path, "requests"), "pod-level resource requests cannot be removed")]
      : NONE,
    lost(spec.resources?.limits, before.resources?.limits)
      ? [field.forbidden(field.child(path, "limits"), "pod-level resource limits cannot be removed")]
      : NONE,
    isSame ? NONE : [field.forbidden("spec", `${ONLY} at pod-level`)],
  );
}

function validateOrder(spec: PodSpec, before: PodSpec): Causes {
  return (["containers", "initContainers"] as const).flatMap((list) => {
    const [now, then] = [spec[list] ?? [], before[list] ?? []];
    const path = field.child("spec", list);
    if (now.length !== then.length) {
      return [field.forbidden(path, `${list} may not be added or removed on resize`)];
    }
    return each(then, path, ({ name }, at, i) =>
      now[i]!.name === name
        ? NONE
        : [field.forbidden(field.child(at, "name"), `${list} may not be renamed or reordered on resize`)],
    );
  });
}

function removed(
  now: readonly Container[] | undefined,
  before: readonly Container[] | undefined,
  path: string,
): Causes {
  return each(before, path, ({ resources: then }, at, i) => {
    const resources = now?.[i]?.resources;
    const resourcesPath = field.child(at, "resources");
    return all(
      lost(resources?.requests, then?.requests)
        ? [field.forbidden(field.child(resourcesPath, "requests"), "resource requests cannot be removed")]
        : NONE,
      lost(resources?.limits, then?.limits)
        ? [field.forbidden(field.child(resourcesPath, "limits"), "resource limits cannot be removed")]
        : NONE,
    );
  });
}

type List = Readonly<Record<string, string>>;

const lost = (now: List = {}, before: List = {}): boolean =>
  Object.keys(before).some((name) => !(name in now));

function validateInit(container: Container, before: Container, path: string): Causes {
  const isChanged = !semanticEqual(container, before);
  const message = "only cpu and memory resources for init or sidecar containers are mutable";
  const restarts = container.resizePolicy?.filter((p) => p.restartPolicy === "RestartContainer") ?? [];
  const notRestarted =
    "non-sidecar init containers with a resize policy of RestartContainer cannot be resized";
  return all(
    semanticEqual(settled(container, before), before) ? NONE : [field.forbidden(path, message)],
    isChanged && !isSidecar(container) ? restarts.map(() => field.forbidden(path, notRestarted)) : NONE,
  );
}

/** The container with its old CPU and memory. Claims are gone upstream too, so a container that has some cannot be resized. */
function settled(container: Container, before: Container): Container {
  const { claims: _claims, ...resources } = container.resources ?? {};
  return { ...container, resources: withOldSizes(resources, before.resources) ?? {} };
}

function withOldSizes(
  resources: ResourceRequirements | undefined,
  before: ResourceRequirements | undefined,
): ResourceRequirements | undefined {
  if (resources === undefined) return undefined;
  const { limits: _limits, requests: _requests, ...others } = resources;
  return { ...others, ...sizes("limits", resources, before), ...sizes("requests", resources, before) };
}

function sizes(
  name: "requests" | "limits",
  resources: ResourceRequirements,
  before: ResourceRequirements | undefined,
): ResourceRequirements {
  const { cpu: _cpu, memory: _memory, ...rest } = resources[name] ?? {};
  const { cpu, memory } = before?.[name] ?? {};
  const list = { ...rest, ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
  return Object.keys(list).length === 0 ? {} : { [name]: list };
}
