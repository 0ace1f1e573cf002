/**
 * Keeps IPAddresses and the stored node ports true to the Services there are: once before anybody is served, when one of
 * them changes, and every few minutes.
 * @module
 */
import { isAlreadyExists, isNotFound, unless, type Clock, type KubeObject, type Logger } from "#apimachinery";
import type { Service } from "#api/core/v1/types.gen";
import type { IPAddress, ServiceCIDR } from "#api/networking/v1/types.gen";
import { RevisionConflict } from "#storage";
import { follow } from "../../watchcache/follow.ts";
import { yieldToLoop } from "../../watchcache/watch-cache.ts";
import type { RequestContext } from "../context.ts";
import type { ResourceStore } from "../resource-store.ts";
import { canonicalIp, parseIpRange } from "#api/validation/ip-range";
import { PortSet, ForeignPortRange } from "./port-set.ts";
import { IP_ADDRESSES, newIPAddress, SERVICE_CIDRS } from "./service-addresses.ts";
import { holds } from "./service-ranges.ts";
import type { NodePorts } from "./service-node-ports.ts";
import {
  planAddress,
  planPorts,
  planService,
  type AddressRepair,
  type Finding,
  type ServiceFacts,
} from "./service-repair-plan.ts";

export const SERVICES = "core/services";
/** Upstream's RepairServicesInterval. */
const INTERVAL_MS = 180_000;
/** Changes are looked at so much later: a request is allowed to finish what it began. */
const SETTLE_MS = 1_000;
const SWAP_ATTEMPTS_MAX = 5;
/** Objects looked at before other work gets its turn. */
const SLICE = 200;

export interface ServiceRepairOptions {
  readonly store: (resource: string) => ResourceStore;
  readonly nodePorts: NodePorts;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly context: RequestContext;
  readonly tell: (finding: Finding) => void;
}

export class ServiceRepair {
  readonly #options: ServiceRepairOptions;
  readonly #facts: ServiceFacts;
  #leaks: ReadonlyMap<number, number> = new Map();
  /** Changed since they were looked at last: names of addresses, and `namespace/name` of Services. */
  #changed = new Set<string>();
  #isScheduled = false;

  constructor(options: ServiceRepairOptions) {
    this.#options = options;
    this.#facts = {
      address: (ip) => this.#cached(IP_ADDRESSES, canonicalIp(ip)) as IPAddress | undefined,
      service: (namespace, name) => this.#cached(SERVICES, `${namespace}/${name}`) as Service | undefined,
      isInRange: (ip) => this.#isInRange(ip),
    };
  }

  /** One pass over everything. */
  async runOnce(): Promise<void> {
    const services: Service[] = [];
    const present = this.#options.store(SERVICES).cache.list();
    for (const { object } of present) {
      services.push(object as Service);
      await this.#repair(planService(object as Service, this.#facts));
      if (services.length % SLICE === 0) await yieldToLoop();
    }
    for (const [i, { object }] of this.#options.store(IP_ADDRESSES).cache.list().entries()) {
      await this.#repairAddress(object as IPAddress);
      if (i % SLICE === SLICE - 1) await yieldToLoop();
    }
    await this.#repairPorts(services);
  }

  /** Until the context's signal aborts. */
  start(): void {
    for (const resource of [SERVICES, IP_ADDRESSES]) this.#follow(resource);
    this.#again();
  }

  #again(): void {
    const { clock, context, logger } = this.#options;
    clock.after(INTERVAL_MS, () => {
      if (context.signal.aborted) return;
      void this.runOnce()
        .catch((err: unknown) => logger.error("Service addresses could not be repaired", { err }))
        .finally(() => this.#again());
    });
  }

  #follow(resource: string): void {
    const { store, context } = this.#options;
    follow(store(resource).cache, { withInitial: false, signal: context.signal }, (changes) => {
      for (const { object, isDeleted } of changes) {
        // The Service of an address that was deleted may still have it.
        const isGone = resource === IP_ADDRESSES && isDeleted;
        this.#look(isGone ? parentKey(object.object as IPAddress) : object.key, SETTLE_MS);
      }
    });
  }

  #look(key: string, afterMs: number): void {
    const { clock, context } = this.#options;
    if (afterMs > SETTLE_MS) {
      clock.after(afterMs - SETTLE_MS, () => this.#look(key, SETTLE_MS));
      return;
    }
    this.#changed.add(key);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    clock.after(SETTLE_MS, () => {
      this.#isScheduled = false;
      if (!context.signal.aborted) void this.#lookAtChanged();
    });
  }

  async #lookAtChanged(): Promise<void> {
    const keys = this.#changed;
    this.#changed = new Set();
    for (const key of keys) {
      try {
        await this.#lookAt(key);
      } catch (err) {
        this.#options.logger.warn("A service address could not be repaired", { key, err });
      }
    }
  }

  /** A Service's key has a slash, an address's has none; a deleted Service's address tells of itself. */
  async #lookAt(key: string): Promise<void> {
    const service = this.#cached(SERVICES, key) as Service | undefined;
    if (service !== undefined) await this.#repair(planService(service, this.#facts));
    const address = this.#facts.address(key);
    if (address !== undefined) await this.#repairAddress(address);
  }

  async #repairAddress(address: IPAddress): Promise<void> {
    const plan = planAddress(address, this.#facts, this.#options.clock.now());
    if (plan !== undefined) await this.#repair([plan]);
  }

  async #repair(repairs: readonly AddressRepair[]): Promise<void> {
    const { store, context, tell } = this.#options;
    const addresses = store(IP_ADDRESSES);
    for (const { ip, action, service, afterMs, findings } of repairs) {
      for (const finding of findings) tell(finding);
      if (afterMs !== undefined) this.#look(canonicalIp(ip), afterMs);
      if (action === "delete" || action === "recreate") {
        await unless(isNotFound, addresses.delete("", canonicalIp(ip), {}, context));
      }
      if ((action === "create" || action === "recreate") && service !== undefined) {
        await unless(isAlreadyExists, addresses.create("", newIPAddress(ip, service.metadata), context));
      }
    }
  }

  async #repairPorts(services: readonly Service[]): Promise<void> {
    const { nodePorts, tell } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const stored = await this.#storedPorts();
      const plan = planPorts(stored.ports, services, this.#leaks, nodePorts.range);
      try {
        if (stored.revision === 0 || stored.isForeign || !plan.ports.equals(stored.ports))
          await nodePorts.replace(plan.ports, stored.revision);
      } catch (err) {
        if (err instanceof RevisionConflict && attempt < SWAP_ATTEMPTS_MAX) continue;
        throw err;
      }
      this.#leaks = plan.leaks;
      // What another version of this program left is told to nobody: it kept its ports in memory.
      if (stored.revision > 0 && !stored.isForeign) for (const finding of plan.findings) tell(finding);
      return;
    }
  }

  async #storedPorts(): Promise<{ ports: PortSet; revision: number; isForeign: boolean }> {
    const { nodePorts } = this.#options;
    try {
      return { ...(await nodePorts.read()), isForeign: false };
    } catch (err) {
      if (!(err instanceof ForeignPortRange)) throw err;
      const revision = await nodePorts.storedRevision();
      return { ports: new PortSet(nodePorts.range), revision, isForeign: true };
    }
  }

  #isInRange(ip: string): boolean {
    const { cache } = this.#options.store(SERVICE_CIDRS);
    return Array.from(cache.list(), ({ object }) => (object as ServiceCIDR).spec?.cidrs ?? [])
      .flat()
      .some((cidr) => {
        const range = parseIpRange(cidr);
        return range !== undefined && holds(range, ip);
      });
  }

  #cached(resource: string, key: string): KubeObject | undefined {
    return this.#options.store(resource).cache.get(key)?.object;
  }
}

function parentKey({ spec }: IPAddress): string {
  const { namespace = "", name } = spec.parentRef;
  return `${namespace}/${name}`;
}
