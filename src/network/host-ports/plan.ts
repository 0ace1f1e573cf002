/** The decision of host ports: which ports of the node lead to which pod. No state, no I/O. @module */
import type { ContainerPort, Pod } from "#api/core/v1/types.gen";

/** `address . protocol . port`, or `protocol . port` for every address of the node -> `address . port` of the pod. */
export type HostPorts = ReadonlyMap<string, string>;

const ENDED: ReadonlySet<string> = new Set(["Succeeded", "Failed"]);
const EVERY_ADDRESS: ReadonlySet<string> = new Set(["", "0.0.0.0", "::"]);

/** Nothing for pods without an IPv4 address, those in the host network (they listen themselves), and those that ended. */
export function hostPortsOf({ spec, status }: Pod): HostPorts {
  const ip = [status?.podIP ?? "", ...(status?.podIPs ?? []).map((one) => one.ip)].find(isIPv4);
  if (spec === undefined || ip === undefined || spec.hostNetwork === true || ENDED.has(status?.phase ?? ""))
    return new Map();
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const ports = [...spec.containers, ...sidecars].flatMap((container) => container.ports ?? []);
  return new Map(ports.flatMap((port) => mappingOf(port, ip)));
}

function mappingOf(
  { hostPort = 0, hostIP = "", protocol = "TCP", containerPort }: ContainerPort,
  ip: string,
): readonly (readonly [string, string])[] {
  const isEverywhere = EVERY_ADDRESS.has(hostIP);
  if (hostPort === 0 || !(isEverywhere || isIPv4(hostIP))) return [];
  const key = `${protocol.toLowerCase()} . ${hostPort}`;
  return [[isEverywhere ? key : `${hostIP} . ${key}`, `${ip} . ${containerPort}`]];
}

function isIPv4(address: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(address);
}
