/** Whether this node can take a pod that was bound to it. Pure; reasons and messages are upstream's. @module */
import type { Node, Pod } from "#api/core/v1/types.gen";
import { amountOf, podRequests } from "../container/resources.ts";
import { specOf } from "../container/pod-spec.ts";

export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

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
  const podsMax = Number(allocatable["pods"] ?? Infinity);
  if (others.length + 1 > podsMax) {
    const amounts = `requested: 1, used: ${others.length}, capacity: ${podsMax}`;
    return rejected("OutOfpods", `Node didn't have enough resource: pods, ${amounts}`);
  }
  for (const resource of ["cpu", "memory", "ephemeral-storage"]) {
    const wanted = podRequests(pod, resource);
    if (wanted === 0) continue;
    const used = others.reduce((sum, other) => sum + podRequests(other, resource), 0);
    const capacity = amountOf(allocatable, resource) ?? 0;
    if (wanted + used <= capacity) continue;
    const amounts = `requested: ${wanted}, used: ${used}, capacity: ${capacity}`;
    return rejected(`OutOf${resource}`, `Node didn't have enough resource: ${resource}, ${amounts}`);
  }
  const unsafe = (specOf(pod).securityContext?.sysctls ?? []).find(
    ({ name }) => !SAFE_SYSCTLS.has(name.replaceAll("/", ".")),
  );
  if (unsafe !== undefined) {
    return rejected("SysctlForbidden", `forbidden sysctl: ${JSON.stringify(unsafe.name)} not allowlisted`);
  }
  const labels = node?.metadata.labels;
  const selector = Object.entries(specOf(pod).nodeSelector ?? {});
  if (labels !== undefined && selector.some(([key, value]) => labels[key] !== value)) {
    return rejected(
      "NodeAffinity",
      "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    );
  }
  return undefined;
}

function rejected(reason: string, message: string): Rejection {
  return { reason, message: `Pod was rejected: ${message}` };
}
