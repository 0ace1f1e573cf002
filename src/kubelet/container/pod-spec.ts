/** Questions about a pod's specification that many parts of kubelet ask. @module */
import { shouldRestart as restartsAfter } from "#api/core/v1/container-restart-rules";
import type { Container, Pod, PodSpec } from "#api/core/v1/types.gen";

/** Sources of pods besides the API, and the annotation that says which (upstream's key and values). */
export const CONFIG_SOURCE_ANNOTATION = "kubernetes.io/config.source";
export const CONFIG_HASH_ANNOTATION = "kubernetes.io/config.hash";
export const CONFIG_MIRROR_ANNOTATION = "kubernetes.io/config.mirror";

export function specOf(pod: Pod): PodSpec {
  if (pod.spec === undefined) throw new Error(`Pod ${fullNameOf(pod)} has no spec`);
  return pod.spec;
}

export function uidOf(pod: Pod): string {
  return pod.metadata.uid ?? "";
}

/** `name_namespace`, unique among the pods of a node at one time. */
export function fullNameOf(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace ?? ""}`;
}

/** `name_namespace(uid)`, as messages name a pod. */
export function formatPod(pod: Pod): string {
  return `${fullNameOf(pod)}(${uidOf(pod)})`;
}

/** A sidecar: an init container that goes on running beside the regular ones. */
export function isRestartableInit(container: Container): boolean {
  return container.restartPolicy === "Always";
}

export function initContainersOf(pod: Pod): readonly Container[] {
  return specOf(pod).initContainers ?? [];
}

export function containersOf(pod: Pod): readonly Container[] {
  return specOf(pod).containers;
}

/** Ephemeral containers have all the fields of a container that matter here. */
export function ephemeralContainersOf(pod: Pod): readonly (Container & { targetContainerName?: string })[] {
  return specOf(pod).ephemeralContainers ?? [];
}

export function allContainersOf(pod: Pod): readonly Container[] {
  return [...initContainersOf(pod), ...containersOf(pod), ...ephemeralContainersOf(pod)];
}

export function containerNamed(pod: Pod, name: string): Container | undefined {
  return allContainersOf(pod).find((container) => container.name === name);
}

/** Where events and object references point: `spec.containers{web}`. */
export function fieldPathOf(pod: Pod, name: string): string | undefined {
  if (containersOf(pod).some((c) => c.name === name)) return `spec.containers{${name}}`;
  if (initContainersOf(pod).some((c) => c.name === name)) return `spec.initContainers{${name}}`;
  if (ephemeralContainersOf(pod).some((c) => c.name === name)) return `spec.ephemeralContainers{${name}}`;
  return undefined;
}

export function isStaticPod(pod: Pod): boolean {
  const source = pod.metadata.annotations?.[CONFIG_SOURCE_ANNOTATION];
  return source !== undefined && source !== "api";
}

export function isMirrorPod(pod: Pod): boolean {
  return pod.metadata.annotations?.[CONFIG_MIRROR_ANNOTATION] !== undefined;
}

/** From this priority on a pod counts as critical (system-cluster-critical). */
const SYSTEM_CRITICAL_PRIORITY = 2_000_000_000;

/** The node or the cluster needs it: it is never evicted, and taken under pressure. */
export function isCriticalPod(pod: Pod): boolean {
  return isStaticPod(pod) || isMirrorPod(pod) || hasCriticalPriority(pod);
}

export function hasCriticalPriority(pod: Pod): boolean {
  return (specOf(pod).priority ?? 0) >= SYSTEM_CRITICAL_PRIORITY;
}

/** `restartPolicy` of the pod; the API server fills in Always. */
export function restartPolicyOf(pod: Pod): string {
  return specOf(pod).restartPolicy ?? "Always";
}

/** Whether a container that ended with `exitCode` is run again: its own policy and rules, else the pod's policy. */
export function shouldRestart(container: Container, pod: Pod, exitCode: number): boolean {
  return restartsAfter(container, specOf(pod), exitCode);
}
