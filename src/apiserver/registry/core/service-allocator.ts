/** Hands out cluster addresses and node ports to Services, and takes them back. @module */
import { field, invalid, StatusError, type KubeObject } from "#apimachinery";
import type { Service, ServicePort, ServiceSpec } from "#api/core/v1/types.gen";
import type { Begun, ResourceHooks } from "../resource-hooks.ts";
import { formatIpv4, parseIpv4, type IpRange } from "./ip-range.ts";
import { NumberPool, staticBand } from "./number-pool.ts";
import { planIpFamilies } from "./ip-families.ts";

export interface ServiceAllocatorOptions {
  readonly range: IpRange;
  readonly nodePorts: { readonly from: number; readonly to: number };
  readonly random: () => number;
}

/** What one Service holds. */
interface Holding {
  readonly ips: readonly number[];
  readonly ports: readonly number[];
}

const NOTHING: Holding = { ips: [], ports: [] };
const HEADLESS = "None";

export class ServiceAllocator {
  readonly #range: IpRange;
  readonly #nodePorts: { readonly from: number; readonly to: number };
  readonly #ips: NumberPool;
  readonly #ports: NumberPool;

  constructor({ range, nodePorts, random }: ServiceAllocatorOptions) {
    this.#range = range;
    this.#nodePorts = nodePorts;
    // Neither the network address nor the broadcast address is anybody's.
    const ipCount = Math.max(range.size - 2, 0);
    const portCount = nodePorts.to - nodePorts.from + 1;
    const ipBand = staticBand(ipCount, 16, 256, 16);
    const portBand = staticBand(portCount, 16, 128, 32);
    this.#ips = new NumberPool({ first: range.base + 1, count: ipCount, staticCount: ipBand, random });
    this.#ports = new NumberPool({ first: nodePorts.from, count: portCount, staticCount: portBand, random });
  }

  /** What a stored Service has, at start: this is how the pools are rebuilt. */
  adopt(service: KubeObject): void {
    const { ips, ports } = holdingOf(service as Service);
    for (const ip of ips) this.#ips.take(ip);
    for (const port of ports) this.#ports.take(port);
  }

  hooks(): ResourceHooks {
    return {
      beginCreate: (object) => Promise.resolve(this.#begin(object as Service, NOTHING)),
      beginUpdate: (object, old) =>
        Promise.resolve(this.#begin(object as Service, holdingOf(old as Service))),
      afterDelete: (object) => this.#release(holdingOf(object as Service)),
    };
  }

  #begin(service: Service, held: Holding): Begun {
    const taken: { readonly ips: number[]; readonly ports: number[] } = { ips: [], ports: [] };
    try {
      const object = this.#allocate(service, held, taken);
      const kept = holdingOf(object);
      return {
        object,
        finish: (isStored) => {
          if (!isStored) return this.#release(taken);
          this.#release({
            ips: held.ips.filter((ip) => !kept.ips.includes(ip)),
            ports: held.ports.filter((port) => !kept.ports.includes(port)),
          });
        },
      };
    } catch (err) {
      this.#release(taken);
      throw err;
    }
  }

  #allocate(service: Service, held: Holding, taken: { ips: number[]; ports: number[] }): Service {
    if (service.spec === undefined) return service;
    const type = service.spec.type ?? "ClusterIP";
    if (type === "ExternalName") return service;
    const spec = this.#withClusterIp(service, planIpFamilies(service), held, taken.ips);
    return { ...service, spec: this.#withNodePorts(service, spec, held, taken.ports) };
  }

  #withClusterIp(service: Service, spec: ServiceSpec, held: Holding, taken: number[]): ServiceSpec {
    const asked = spec.clusterIP ?? spec.clusterIPs?.[0] ?? "";
    if (asked === HEADLESS) return { ...spec, clusterIP: HEADLESS, clusterIPs: [HEADLESS] };
    const ip = asked === "" ? this.#anyIp() : this.#thisIp(service, asked, held);
    if (!held.ips.includes(ip)) taken.push(ip);
    const clusterIP = formatIpv4(ip);
    return { ...spec, clusterIP, clusterIPs: [clusterIP] };
  }

  #anyIp(): number {
    const ip = this.#ips.takeAny();
    if (ip !== undefined) return ip;
    throw new StatusError("InternalError", "failed to allocate a serviceIP: range is full");
  }

  #thisIp(service: Service, text: string, held: Holding): number {
    const ip = parseIpv4(text);
    const why =
      ip === undefined || !this.#ips.isInRange(ip)
        ? `the provided IP (${text}) is not in the valid range. The range of valid IPs is ${this.#range.cidr}`
        : held.ips.includes(ip) || this.#ips.take(ip)
          ? undefined
          : "provided IP is already allocated";
    if (why === undefined) return ip!;
    const cause = field.invalid(
      "spec.clusterIPs",
      service.spec?.clusterIPs ?? [text],
      `failed to allocate IP ${text}: ${why}`,
    );
    throw invalid({ group: "", kind: "Service" }, service.metadata.name, [cause]);
  }

  #withNodePorts(service: Service, spec: ServiceSpec, held: Holding, taken: number[]): ServiceSpec {
    const isOpen =
      spec.type === "NodePort" ||
      (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);
    const own = new Set(held.ports);
    /** Port number -> node port: one number serves all its protocols. */
    const byPort = new Map<number, ServicePort>();
    const ports = (spec.ports ?? []).map((port, i) => {
      const asked = port.nodePort ?? 0;
      if (asked === 0 && !isOpen) return port;
      const shared = byPort.get(port.port);
      const canShare = shared !== undefined && (shared.protocol ?? "TCP") !== (port.protocol ?? "TCP");
      const sharedPort = canShare ? shared.nodePort : undefined;
      const nodePort = asked === 0 ? (sharedPort ?? this.#anyPort()) : asked;
      if (asked !== 0 && !own.has(asked)) this.#takePort(service, asked, i);
      if (!own.has(nodePort)) {
        own.add(nodePort);
        taken.push(nodePort);
      }
      const chosen = { ...port, nodePort };
      byPort.set(port.port, chosen);
      return chosen;
    });
    const withPorts = spec.ports === undefined ? spec : { ...spec, ports };
    if (spec.type !== "LoadBalancer" || spec.externalTrafficPolicy !== "Local") return withPorts;
    return { ...withPorts, healthCheckNodePort: this.#healthPort(service, spec, own, taken) };
  }

  #healthPort(service: Service, spec: ServiceSpec, own: Set<number>, taken: number[]): number {
    const asked = spec.healthCheckNodePort ?? 0;
    if (asked !== 0 && own.has(asked)) return asked;
    if (asked !== 0) this.#takePort(service, asked, undefined);
    const port = asked === 0 ? this.#anyPort() : asked;
    taken.push(port);
    return port;
  }

  #anyPort(): number {
    const port = this.#ports.takeAny();
    if (port !== undefined) return port;
    throw new StatusError("InternalError", "failed to allocate a nodePort: range is full");
  }

  #takePort(service: Service, port: number, index: number | undefined): void {
    const { from, to } = this.#nodePorts;
    const why = !this.#ports.isInRange(port)
      ? `provided port is not in the valid range. The range of valid ports is ${from}-${to}`
      : this.#ports.take(port)
        ? undefined
        : "provided port is already allocated";
    if (why === undefined) return;
    const path = index === undefined ? "spec.healthCheckNodePort" : `spec.ports[${index}].nodePort`;
    throw invalid({ group: "", kind: "Service" }, service.metadata.name, [field.invalid(path, port, why)]);
  }

  #release({ ips, ports }: Holding): void {
    for (const ip of ips) this.#ips.release(ip);
    for (const port of ports) this.#ports.release(port);
  }
}

function holdingOf({ spec }: Service): Holding {
  if (spec === undefined || spec.type === "ExternalName") return NOTHING;
  const ips = (spec.clusterIPs ?? []).map(parseIpv4).filter((ip) => ip !== undefined);
  const ports = [...(spec.ports ?? []).map((port) => port.nodePort ?? 0), spec.healthCheckNodePort ?? 0];
  return { ips, ports: [...new Set(ports.filter((port) => port !== 0))] };
}
