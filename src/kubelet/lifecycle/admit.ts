/** Whether this node can take a pod that was bound to it. Pure; reasons and messages are upstream's. @module */
import { matchesNodeAffinity, selectableNode } from "#api/core/v1/node-selector";
import { toleratesAll } from "#api/core/v1/tolerations";
import type { ContainerPort, Node, Pod } from "#api/core/v1/types.gen";
import { specOf } from "../container/pod-spec.ts";
import { amountOf, podRequests } from "../container/resources.ts";

export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

/** The reason of a refusal that may rest on labels the kubelet has not seen yet. */
export const NODE_AFFINITY = "NodeAffinity";
const ANY_ADDRESS = "0.0.0.0";

/** Sysctls that belong to a pod's own namespaces and cannot hurt its neighbours. */
const SAFE_SYSCTLS: ReadonlySet<string> = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
]);

/** `others` are the pods that already hold resources of the node. */
export function admit(
  pod: Pod,
  others: readonly Pod[],
  allocatable: Readonly<Record<string, string>>,
  node: Node | undefined,
): Rejection | undefined {
  const shortage = insufficientResource(pod, others, allocatable);
  if (shortage !== undefined) return rejected(shortage.reason, shortage.message);
  const unsafe = (specOf(pod).securityContext?.sysctls ?? []).find(
    ({ name }) => !SAFE_SYSCTLS.has(name.replaceAll("/", ".")),
  );
  if (unsafe !== undefined) {
    return rejected("SysctlForbidden", `forbidden sysctl: ${JSON.stringify(unsafe.name)} not allowlisted`);
  }
  if (node !== undefined && !matchesNodeAffinity(pod.spec, selectableNode(node)))
    return failed(NODE_AFFINITY, "node(s) didn't match Pod's node affinity/selector");
  const ports = hostPorts(pod);
  if (ports.length > 0 && others.some((other) => hostPorts(other).some((used) => ports.some(collides(used)))))
    return failed("NodePorts", "node(s) didn't have free ports for the requested pod ports");
  const taints = (node?.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
  if (!toleratesAll(specOf(pod).tolerations ?? [], taints))
    return failed("TaintToleration", "node(s) had taints that the pod didn't tolerate");
  return undefined;
}

/** What the node lacks for the pod, in the words of the scheduler's fit; undefined: it fits. */
export function insufficientResource(
  pod: Pod,
  others: readonly Pod[],
  allocatable: Readonly<Record<string, string>>,
): Rejection | undefined {
  const podsMax = Number(allocatable["pods"] ?? Infinity);
  if (others.length + 1 > podsMax)
    return lacking("pods", `requested: 1, used: ${others.length}, capacity: ${podsMax}`);
  for (const resource of ["cpu", "memory", "ephemeral-storage", ...hugepagesOf(allocatable)]) {
    const wanted = podRequests(pod, resource);
    if (wanted === 0) continue;
    const used = others.reduce((sum, other) => sum + podRequests(other, resource), 0);
    const capacity = amountOf(allocatable, resource) ?? 0;
    if (wanted + used > capacity)
      return lacking(resource, `requested: ${wanted}, used: ${used}, capacity: ${capacity}`);
  }
  return undefined;
}

function lacking(resource: string, amounts: string): Rejection {
  return {
    reason: `OutOf${resource}`,
    message: `Node didn't have enough resource: ${resource}, ${amounts}`,
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

function rejected(reason: string, message: string): Rejection {
  return { reason, message: `Pod was rejected: ${message}` };
}
