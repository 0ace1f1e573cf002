/** The decision of host ports: which ports of the node lead to which pod. No state, no I/O. @module */
import { isIP } from "node:net";
import type { ContainerPort, Pod } from "#api/core/v1/types.gen";
import { familyOf } from "#api/validation/ip-range";
import { IPV4, ofFamily, type NftFamily } from "../address-family.ts";

/** `address . protocol . port`, or `protocol . port` for every address of the node -> `address . port` of the pod. */
export type HostPorts = ReadonlyMap<string, string>;

const ENDED: ReadonlySet<string> = new Set(["Succeeded", "Failed"]);
const EVERY_ADDRESS: Readonly<Record<NftFamily["family"], ReadonlySet<string>>> = {
  IPv4: new Set(["", "0.0.0.0", "::"]),
  IPv6: new Set(["", "::"]),
};

/** Of one family. Nothing for pods without an address of it, those in the host network (they listen themselves), and those that ended. */
export function hostPortsOf({ spec, status }: Pod, { family }: NftFamily = IPV4): HostPorts {
  const ips = [status?.podIP ?? "", ...(status?.podIPs ?? []).map((one) => one.ip)];
  const ip = ofFamily(
    ips.filter((one) => one !== ""),
    family,
  );
  if (spec === undefined || ip === undefined || spec.hostNetwork === true || ENDED.has(status?.phase ?? ""))
    return new Map();
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const ports = [...spec.containers, ...sidecars].flatMap((container) => container.ports ?? []);
  return new Map(ports.flatMap((port) => mappingOf(port, ip, family)));
}

function mappingOf(
  { hostPort = 0, hostIP = "", protocol = "TCP", containerPort }: ContainerPort,
  ip: string,
  family: NftFamily["family"],
): readonly (readonly [string, string])[] {
  const isEverywhere = EVERY_ADDRESS[family].has(hostIP);
  if (hostPort === 0 || !(isEverywhere || (isIP(hostIP) !== 0 && familyOf(hostIP) === family))) return [];
  const key = `${protocol.toLowerCase()} . ${hostPort}`;
  return [[isEverywhere ? key : `${hostIP} . ${key}`, `${ip} . ${containerPort}`]];
}
