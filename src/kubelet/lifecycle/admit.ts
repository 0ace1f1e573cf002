/** Whether this node can take a pod that was bound to it. Pure; reasons and messages are upstream's. @module */
import { matchesNodeAffinity, selectableNode } from "#api/core/v1/node-selector";
import { toleratesAll } from "#api/core/v1/tolerations";
import type { ContainerPort, Node, Pod } from "#api/core/v1/types.gen";
import { isCriticalPod, isStaticPod, specOf } from "../container/pod-spec.ts";
import { amountOf, podRequests } from "../container/resources.ts";

export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

/** The reason of a refusal that may rest on labels the kubelet has not seen yet. */
export const NODE_AFFINITY = "NodeAffinity";
const ANY_ADDRESS = "0.0.0.0";

/** A resource that the node has too little of: thousandths for cpu, units for everything else. */
export interface Shortage extends Rejection {
  readonly resource: string;
  readonly amount: number;
}

export interface AdmissionFailure extends Rejection {
  /** It would fit if this were given back. */
  readonly shortages?: readonly Shortage[];
}

/** `others` are the pods that already hold resources of the node. A critical pod may be taken in spite of shortages, if others go. */
export function admit(
  pod: Pod,
  others: readonly Pod[],
  allocatable: Readonly<Record<string, string>>,
  node: Node | undefined,
): AdmissionFailure | undefined {
  if (specOf(pod).os !== undefined && specOf(pod).os?.name !== "linux")
    return rejected("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS");
  const shortages = insufficientResources(pod, others, allocatable);
  const [shortage] = shortages;
  if (shortage !== undefined && !isCriticalPod(pod)) return rejected(shortage.reason, shortage.message);
  const other = mismatch(pod, others, node);
  if (other !== undefined || shortage === undefined) return other;
  return { ...rejected(shortage.reason, shortage.message), shortages };
}

/** What keeps the pod from this node however much room there is. */
function mismatch(pod: Pod, others: readonly Pod[], node: Node | undefined): Rejection | undefined {
  if (node !== undefined && !matchesNodeAffinity(pod.spec, selectableNode(node)))
    return failed(NODE_AFFINITY, "node(s) didn't match Pod's node affinity/selector");
  const ports = hostPorts(pod);
  if (ports.length > 0 && others.some((other) => hostPorts(other).some((used) => ports.some(collides(used)))))
    return failed("NodePorts", "node(s) didn't have free ports for the requested pod ports");
  const taints = (node?.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
  if (!isStaticPod(pod) && !toleratesAll(specOf(pod).tolerations ?? [], taints))
    return failed("TaintToleration", "node(s) had taints that the pod didn't tolerate");
  return undefined;
}

/** What the node lacks for the pod, in the words of the scheduler's fit; none: it fits. */
export function insufficientResources(
  pod: Pod,
  others: readonly Pod[],
  allocatable: Readonly<Record<string, string>>,
): readonly Shortage[] {
  const podsMax = Number(allocatable["pods"] ?? Infinity);
  const shortages = others.length + 1 > podsMax ? [lacking("pods", 1, others.length, podsMax)] : [];
  for (const resource of ["cpu", "memory", "ephemeral-storage", ...hugepagesOf(allocatable)]) {
    const wanted = podRequests(pod, resource);
    if (wanted === 0) continue;
    const used = others.reduce((sum, other) => sum + podRequests(other, resource), 0);
    const capacity = amountOf(allocatable, resource) ?? 0;
    if (wanted + used > capacity) shortages.push(lacking(resource, wanted, used, capacity));
  }
  return shortages;
}

function lacking(resource: string, requested: number, used: number, capacity: number): Shortage {
  const amounts = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return {
    reason: `OutOf${resource}`,
    message: `Node didn't have enough resource: ${resource}, ${amounts}`,
    resource,
    amount: requested - (capacity - used),
  };
}

function hugepagesOf(allocatable: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(allocatable).filter((name) => name.startsWith("hugepages-"));
}

function hostPorts(pod: Pod): readonly ContainerPort[] {
  const { initContainers = [], containers } = specOf(pod);
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...sidecars, ...containers]
    .flatMap(({ ports = [] }) => ports)
    .filter(({ hostPort = 0 }) => hostPort > 0);
}

/** Every address overlaps 0.0.0.0. */
function collides(used: ContainerPort): (wanted: ContainerPort) => boolean {
  const usedIP = addressOf(used);
  return (wanted) => {
    const wantedIP = addressOf(wanted);
    const isSameIP = usedIP === wantedIP || usedIP === ANY_ADDRESS || wantedIP === ANY_ADDRESS;
    const isSameProtocol = (used.protocol ?? "TCP") === (wanted.protocol ?? "TCP");
    return isSameIP && isSameProtocol && used.hostPort === wanted.hostPort;
  };
}

function addressOf({ hostIP }: ContainerPort): string {
  return hostIP === undefined || hostIP === "" ? ANY_ADDRESS : hostIP;
}

function failed(predicate: string, why: string): Rejection {
  return rejected(predicate, `Predicate ${predicate} failed: ${why}`);
}

export function rejected(reason: string, message: string): Rejection {
  return { reason, message: `Pod was rejected: ${message}` };
}
