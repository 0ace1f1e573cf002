/**
 * Cluster addresses of Services, kept as IPAddress objects: whoever creates the object of an address has it, on whichever
 * server; upstream's MetaAllocator.
 * @module
 */
import { isAlreadyExists, isNotFound, unless, type KubeObject } from "#apimachinery";
import type { IPAddress, ServiceCIDR } from "#api/networking/v1/types.gen";
import type { RequestContext } from "../context.ts";
import type { ResourceStore } from "../resource-store.ts";
import type { IpFamily } from "#api/validation/ip";
import { canonicalIp, familyOf, nthIp, type IpRange } from "#api/validation/ip-range";
import { candidates } from "./number-search.ts";
import { holds, rangesOf, serviceRangeOf } from "./service-ranges.ts";

export const SERVICE_CIDRS = "networking.k8s.io/servicecidrs";
export const IP_ADDRESSES = "networking.k8s.io/ipaddresses";
/** Upstream's names of what is on every address that this allocator made. */
export const MANAGED_BY_LABEL = "ipaddress.kubernetes.io/managed-by";
export const FAMILY_LABEL = "ipaddress.kubernetes.io/ip-family";
export const IP_ALLOCATOR = "ipallocator.k8s.io";

export type ServiceName = Pick<KubeObject["metadata"], "namespace" | "name">;

/** Why there is no address or port; becomes part of the message that the client gets. */
export class AllocationError extends Error {
  override readonly name = "AllocationError";
}

export interface ServiceAddressesOptions {
  /** Of `IP_ADDRESSES` and `SERVICE_CIDRS`; asked for when needed. */
  readonly store: (resource: string) => ResourceStore;
  /** Waits until the caches show what was written until now. */
  readonly sync: () => Promise<void>;
  readonly random: () => number;
  /** In whose name the objects are written. */
  readonly context: RequestContext;
}

export class ServiceAddresses {
  readonly #options: ServiceAddressesOptions;

  constructor(options: ServiceAddressesOptions) {
    this.#options = options;
  }

  /** Throws an `AllocationError` when it is in no range, or somebody's. */
  async take(service: ServiceName, ip: string): Promise<void> {
    await this.check(ip);
    if (!(await this.#create(ip, service))) throw new AllocationError("provided IP is already allocated");
  }

  /** What `take` demands of the range, without taking: a dry run asks no more. */
  async check(ip: string): Promise<void> {
    if ((await this.#ranges(familyOf(ip), ip)).length > 0) return;
    throw new AllocationError("the provided network does not match the current range");
  }

  /** By chance, as upstream: first from the part of a range that nobody chooses from by hand. */
  async takeAny(service: ServiceName, family: IpFamily): Promise<string> {
    for (const range of await this.#ranges(family)) {
      const { cache } = this.#options.store(IP_ADDRESSES);
      for (const offset of candidates(serviceRangeOf(range), this.#options.random)) {
        const ip = nthIp(range, offset);
        // Another server, or another request, may be quicker: then the next one is tried.
        if (cache.get(ip) === undefined && (await this.#create(ip, service))) return ip;
      }
    }
    throw new AllocationError("range is full");
  }

  /** What a dynamic allocation shows in a dry run: the network's own address, as upstream. */
  async anyInDryRun(family: IpFamily): Promise<string> {
    const [range] = await this.#ranges(family);
    if (range === undefined) throw new AllocationError("range is full");
    return nthIp(range, 0);
  }

  async release(ip: string): Promise<void> {
    const { store, context } = this.#options;
    await unless(isNotFound, store(IP_ADDRESSES).delete("", canonicalIp(ip), {}, context));
  }

  /** The ranges in use, or those that hold `ip`; looked for again when a ServiceCIDR may have been created just now. */
  async #ranges(family: IpFamily, ip?: string): Promise<readonly IpRange[]> {
    const found = this.#rangesNow(family, ip);
    if (found.length > 0) return found;
    await this.#options.sync();
    return this.#rangesNow(family, ip);
  }

  #rangesNow(family: IpFamily, ip: string | undefined): readonly IpRange[] {
    const { cache } = this.#options.store(SERVICE_CIDRS);
    const serviceCIDRs = Array.from(cache.list(), ({ object }) => object as ServiceCIDR);
    const all = rangesOf(serviceCIDRs, family);
    return ip === undefined ? all : all.filter((range) => holds(range, ip));
  }

  /** False when the address is somebody's. */
  async #create(ip: string, service: ServiceName): Promise<boolean> {
    try {
      await this.#options.store(IP_ADDRESSES).create("", newIPAddress(ip, service), this.#options.context);
      return true;
    } catch (err) {
      if (isAlreadyExists(err)) return false;
      throw err;
    }
  }
}

/** Its name is the address in canonical notation: another one means the same object. */
export function newIPAddress(ip: string, { namespace = "", name }: ServiceName): IPAddress {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "IPAddress",
    metadata: {
      name: canonicalIp(ip),
      labels: { [FAMILY_LABEL]: familyOf(ip), [MANAGED_BY_LABEL]: IP_ALLOCATOR },
    },
    spec: { parentRef: { resource: "services", namespace, name } },
  };
}
