/** Gives Services cluster addresses and node ports, and takes them back. @module */
import { field, invalid, StatusError } from "#apimachinery";
import type { Service, ServicePort, ServiceSpec } from "#api/core/v1/types.gen";
import type { IpFamily } from "#api/validation/ip";
import type { RequestContext } from "../context.ts";
import type { Begun, ResourceHooks } from "../resource-hooks.ts";
import { isSamePreferDual, planIpFamilies } from "./ip-families.ts";
import { AllocationError, type ServiceAddresses } from "./service-addresses.ts";
import type { NodePorts } from "./service-node-ports.ts";
import { HEADLESS, holdingOf, NOTHING, without, type Holding } from "./service-holding.ts";

/** The allocators as this needs them. */
export interface ServiceAllocatorOptions {
  readonly addresses: Pick<ServiceAddresses, "take" | "takeAny" | "check" | "anyInDryRun" | "release">;
  readonly nodePorts: Pick<NodePorts, "take" | "takeAny" | "check" | "release">;
  /** Of the cluster's Services; the first is their default. */
  readonly families: readonly IpFamily[];
  /** Told of what could not be given back; repair finds it later. */
  readonly onReleaseFailed: (err: unknown) => void;
}

/** What was taken so far, and what the Service had before. */
interface Taking {
  readonly held: Holding;
  /** undefined: it is being created. */
  readonly old: Service | undefined;
  readonly ips: string[];
  readonly ports: number[];
  readonly dryRun: boolean;
}

/** Upstream's made-up ports of a dry run begin here. */
const DRY_RUN_PORT = 32_769;

export class ServiceAllocator {
  readonly #options: ServiceAllocatorOptions;

  constructor(options: ServiceAllocatorOptions) {
    this.#options = options;
  }

  hooks(): ResourceHooks {
    return {
      takesFromStore: true,
      beginCreate: (object, context) => this.#begin(object as Service, undefined, context),
      beginUpdate: (object, old, context) => this.#begin(object as Service, old as Service, context),
      afterDelete: (object) => this.#release(holdingOf(object as Service)),
    };
  }

  async #begin(service: Service, old: Service | undefined, { dryRun }: RequestContext): Promise<Begun> {
    const held = old === undefined ? NOTHING : holdingOf(old);
    const taking: Taking = { held, old, ips: [], ports: [], dryRun };
    try {
      const object = await this.#allocate(service, taking);
      const kept = holdingOf(object);
      return {
        object,
        finish: async (isStored) => {
          if (dryRun) return;
          await this.#release(isStored ? without(held, kept) : taking);
        },
      };
    } catch (err) {
      if (!dryRun) await this.#release(taking);
      throw err;
    }
  }

  async #allocate(service: Service, taking: Taking): Promise<Service> {
    if (service.spec === undefined || service.spec.type === "ExternalName") return service;
    const planned = planIpFamilies(service, taking.old, this.#options.families);
    const spec = await this.#withClusterIps(service, planned, taking);
    return { ...service, spec: await this.#withNodePorts(service, spec, taking) };
  }

  /** An address for each family that has none yet. One that is changed is for validation to refuse. */
  async #withClusterIps(service: Service, spec: ServiceSpec, taking: Taking): Promise<ServiceSpec> {
    const missing = familiesToServe(spec, taking.old?.spec);
    if (missing.length === 0) return spec;
    const clusterIPs = [...(spec.clusterIPs ?? [])];
    for (const [i, family] of missing) {
      const asked = clusterIPs[i] ?? "";
      clusterIPs[i] =
        asked === ""
          ? await this.#anyIp(service, family, taking)
          : await this.#thisIp(service, asked, spec.clusterIPs!, taking);
    }
    return { ...spec, clusterIP: clusterIPs[0]!, clusterIPs };
  }

  async #anyIp({ metadata }: Service, family: IpFamily, { ips, dryRun }: Taking): Promise<string> {
    const { addresses } = this.#options;
    try {
      if (dryRun) return await addresses.anyInDryRun(family);
      const ip = await addresses.takeAny(metadata, family);
      ips.push(ip);
      return ip;
    } catch (err) {
      if (!(err instanceof AllocationError)) throw err;
      throw internal(
        `failed to allocate a serviceIP for Service ${JSON.stringify(metadata.name)}: ${err.message}`,
      );
    }
  }

  async #thisIp(
    service: Service,
    ip: string,
    asked: readonly string[],
    { held, ips, dryRun }: Taking,
  ): Promise<string> {
    if (held.ips.includes(ip)) return ip;
    const { addresses } = this.#options;
    try {
      if (dryRun) await addresses.check(ip);
      else {
        await addresses.take(service.metadata, ip);
        ips.push(ip);
      }
      return ip;
    } catch (err) {
      const why = reasonOf(err);
      throw refused(service, "spec.clusterIPs", asked, `failed to allocate IP ${ip}: ${why}`);
    }
  }

  async #withNodePorts(service: Service, spec: ServiceSpec, taking: Taking): Promise<ServiceSpec> {
    const isOpen =
      spec.type === "NodePort" ||
      (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);
    const own = new Set(taking.held.ports);
    /** Port number -> node port: one number serves all its protocols. */
    const byPort = new Map<number, ServicePort>();
    const ports: ServicePort[] = [];
    for (const [i, port] of (spec.ports ?? []).entries()) {
      const asked = port.nodePort ?? 0;
      if (asked === 0 && !isOpen) {
        ports.push(port);
        continue;
      }
      const shared = byPort.get(port.port);
      const canShare = shared !== undefined && (shared.protocol ?? "TCP") !== (port.protocol ?? "TCP");
      const wanted = asked === 0 ? ((canShare ? shared.nodePort : undefined) ?? 0) : asked;
      const nodePort = await this.#port(service, wanted, own, `spec.ports[${i}].nodePort`, taking);
      const chosen = { ...port, nodePort };
      byPort.set(port.port, chosen);
      ports.push(chosen);
    }
    const withPorts = spec.ports === undefined ? spec : { ...spec, ports };
    if (spec.type !== "LoadBalancer" || spec.externalTrafficPolicy !== "Local") return withPorts;
    const path = "spec.healthCheckNodePort";
    const healthCheckNodePort = await this.#port(service, spec.healthCheckNodePort ?? 0, own, path, taking);
    return { ...withPorts, healthCheckNodePort };
  }

  /** `wanted` 0: any. What is the Service's own is not taken again. */
  async #port(
    service: Service,
    wanted: number,
    own: Set<number>,
    path: string,
    { ports, dryRun }: Taking,
  ): Promise<number> {
    if (own.has(wanted)) return wanted;
    const { nodePorts } = this.#options;
    try {
      let port = wanted;
      if (dryRun) {
        if (wanted === 0) port = Math.max(DRY_RUN_PORT - 1, ...ports) + 1;
        else await nodePorts.check(wanted);
      } else if (wanted === 0) port = await nodePorts.takeAny();
      else await nodePorts.take(wanted);
      own.add(port);
      ports.push(port);
      return port;
    } catch (err) {
      const why = reasonOf(err);
      if (wanted === 0) throw internal(`failed to allocate a nodePort: ${why}`);
      throw refused(service, path, wanted, why);
    }
  }

  /** What cannot be given back stays taken until repair finds that nobody has it. */
  async #release({ ips, ports }: Holding): Promise<void> {
    const { addresses, nodePorts, onReleaseFailed } = this.#options;
    const released = [...ips.map((ip) => addresses.release(ip)), nodePorts.release(ports)];
    await Promise.all(released.map((promise) => promise.catch(onReleaseFailed)));
  }
}

/** Places of `ipFamilies` whose address is to be taken: all of a new Service's, the second where it is added. */
function familiesToServe(
  spec: ServiceSpec,
  old: ServiceSpec | undefined,
): readonly (readonly [number, IpFamily])[] {
  if (spec.clusterIPs?.[0] === HEADLESS || isSamePreferDual(spec, old)) return [];
  const families = [...((spec.ipFamilies ?? []) as readonly IpFamily[]).entries()];
  if (old === undefined || old.type === "ExternalName") return families;
  if (old.clusterIPs?.[0] === HEADLESS) return [];
  return families.slice(old.clusterIPs?.length ?? 0);
}

function reasonOf(err: unknown): string {
  if (!(err instanceof AllocationError)) throw err;
  return err.message;
}

function refused(service: Service, path: string, value: unknown, why: string): StatusError {
  return invalid({ group: "", kind: "Service" }, service.metadata.name, [field.invalid(path, value, why)]);
}

function internal(message: string): StatusError {
  return new StatusError("InternalError", `Internal error occurred: ${message}`);
}
