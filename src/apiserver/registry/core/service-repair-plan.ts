/**
 * What is wrong between Services, IPAddresses and stored node ports, and what is to be done about it; upstream's repair
 * controllers. Pure.
 * @module
 */
import { parseTime, type KubeObject } from "#apimachinery";
import type { Service } from "#api/core/v1/types.gen";
import type { IPAddress } from "#api/networking/v1/types.gen";
import { canonicalIp, familyOf } from "#api/validation/ip-range";
import { FAMILY_LABEL, IP_ALLOCATOR, MANAGED_BY_LABEL } from "./service-addresses.ts";
import { holdingOf } from "./service-holding.ts";
import type { PortRange } from "./service-node-ports.ts";
import { PortSet } from "./port-set.ts";

/** What a user is told of, as an Event. */
export interface Finding {
  readonly about: KubeObject;
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}

export interface AddressRepair {
  readonly ip: string;
  /** "create" and "recreate": for the Service; "check": look again after `afterMs`. */
  readonly action: "create" | "recreate" | "delete" | "check";
  readonly service?: Service;
  readonly afterMs?: number;
  readonly findings: readonly Finding[];
}

export interface ServiceFacts {
  readonly address: (ip: string) => IPAddress | undefined;
  readonly service: (namespace: string, name: string) => Service | undefined;
  /** Whether some ServiceCIDR holds the address. */
  readonly isInRange: (ip: string) => boolean;
}

/** So long a request may be between creating the address and creating its Service: its time limit. */
const GRACE_MS = 60_000;
/** So long one may take to undo an address that it took for a Service that existed already. */
const UNDO_MS = 5_000;
/** Passes of repair that find a port without a Service before it is freed. */
const PASSES_BEFORE_FREED = 3;

/** Every address of a Service has its object, which names the Service and bears the allocator's labels. */
export function planService(service: Service, facts: ServiceFacts): readonly AddressRepair[] {
  return holdingOf(service).ips.map((ip) => planServiceIp(service, ip, facts));
}

function planServiceIp(service: Service, ip: string, facts: ServiceFacts): AddressRepair {
  const family = familyOf(ip);
  const { namespace = "", name } = service.metadata;
  const repair = (action: AddressRepair["action"], reason: string, note: string): AddressRepair => {
    const findings = reason === "" ? [] : [{ about: service, reason, action: "ClusterIPAllocation", note }];
    return { ip, action, service, findings };
  };
  if (!facts.isInRange(ip)) {
    const note = `Cluster IP [${family}]: ${ip} is not within any configured Service CIDR; please recreate service`;
    return repair("check", "ClusterIPOutOfRange", note);
  }
  const address = facts.address(ip);
  if (address === undefined) {
    const note = `Cluster IP [${family}]: ${ip} is not allocated; repairing`;
    return repair("create", "ClusterIPNotAllocated", note);
  }
  const wrong = `the ClusterIP [${family}]: ${ip} for Service ${namespace}/${name} has a wrong reference; repairing`;
  const { group = "", resource, namespace: space = "", name: parent } = address.spec.parentRef;
  if (group !== "" || resource !== "services") return repair("recreate", "ClusterIPNotAllocated", wrong);
  if (space !== namespace || parent !== name) {
    const other = facts.service(space, parent);
    if (other === undefined) return repair("recreate", "ClusterIPNotAllocated", wrong);
    if (holdingOf(other).ips.some((own) => canonicalIp(own) === canonicalIp(ip))) {
      const note = `Cluster IP [${family}]:${ip} was assigned to multiple services; please recreate service`;
      return repair("check", "ClusterIPAlreadyAllocated", note);
    }
  }
  const { [FAMILY_LABEL]: label, [MANAGED_BY_LABEL]: manager } = address.metadata.labels ?? {};
  return repair(label === family && manager === IP_ALLOCATOR ? "check" : "recreate", "", "");
}

/** Every address that the allocator made is that of a Service; undefined: nothing is to be done. */
export function planAddress(
  address: IPAddress,
  facts: ServiceFacts,
  nowMs: number,
): AddressRepair | undefined {
  const { name: ip, labels = {}, creationTimestamp } = address.metadata;
  if (labels[MANAGED_BY_LABEL] !== IP_ALLOCATOR) return undefined;
  const ageMs = nowMs - parseTime(creationTimestamp!);
  const remove = (reason: string, note: string): AddressRepair => {
    return {
      ip,
      action: "delete",
      findings: [{ about: address, reason, action: "IPAddressAllocation", note }],
    };
  };
  const later = (afterMs: number): AddressRepair => ({ ip, action: "check", afterMs, findings: [] });
  const { group = "", resource, namespace = "", name } = address.spec.parentRef;
  if (group !== "" || resource !== "services") {
    const note = `IPAddress ${ip} appears to have been modified, not referencing a Service: cleaning up`;
    return remove("IPAddressNotAllocated", note);
  }
  const service = facts.service(namespace, name);
  if (service === undefined) {
    if (ageMs <= GRACE_MS) return later(GRACE_MS - ageMs + 1);
    const note = `IPAddress: ${ip} for Service ${namespace}/${name} appears to have leaked: cleaning up`;
    return remove("IPAddressNotAllocated", note);
  }
  if ((service.spec?.clusterIPs ?? []).some((own) => canonicalIp(own) === ip)) return undefined;
  if (service.spec?.type === "ExternalName" && ageMs < GRACE_MS) return later(GRACE_MS - ageMs);
  const isNewer = parseTime(creationTimestamp!) > parseTime(service.metadata.creationTimestamp!);
  if (isNewer && ageMs < UNDO_MS) return later(UNDO_MS);
  const note = `IPAddress: ${ip} for Service ${namespace}/${name} has a wrong reference; cleaning up`;
  return remove("IPAddressWrongReference", note);
}

export interface PortRepair {
  readonly ports: PortSet;
  /** Ports without a Service, and how many more passes they stay taken. */
  readonly leaks: ReadonlyMap<number, number>;
  readonly findings: readonly Finding[];
}

/** The ports that Services have, and for a while those that a request may just be taking. */
export function planPorts(
  stored: PortSet,
  services: readonly Service[],
  leaks: ReadonlyMap<number, number>,
  range: PortRange,
): PortRepair {
  const ports = new PortSet(range);
  const findings: Finding[] = [];
  const tell = (about: Service, reason: string, note: string): void =>
    void findings.push({ about, reason, action: "PortAllocation", note });
  for (const service of services) {
    for (const port of holdingOf(service).ports) {
      if (port < range.from || port > range.to) {
        const text = `${range.from}-${range.to}`;
        const note = `Port ${port} is not within the port range ${text}; please recreate service`;
        tell(service, "PortOutOfRange", note);
      } else if (ports.has(port)) {
        const note = `Port ${port} was assigned to multiple services; please recreate service`;
        tell(service, "PortAlreadyAllocated", note);
      } else {
        if (!stored.has(port)) tell(service, "PortNotAllocated", `Port ${port} is not allocated; repairing`);
        ports.add(port);
      }
    }
  }
  const leaking = [...stored].filter((port) => !ports.has(port));
  const left = new Map<number, number>();
  for (const port of leaking) {
    const count = leaks.get(port) ?? PASSES_BEFORE_FREED - 1;
    if (count === 0) continue;
    left.set(port, count - 1);
    ports.add(port);
  }
  return { ports, leaks: left, findings };
}
