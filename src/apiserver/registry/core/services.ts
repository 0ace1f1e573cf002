/** What Services need beyond being stored: addresses, node ports, and their repair. @module */
import type { Clock, Logger } from "#apimachinery";
import { newClient, newEventSeriesRecorder, type Transport } from "#client";
import type { Store } from "#storage";
import { START_PATIENCE_MS, type WatchCache } from "../../watchcache/watch-cache.ts";
import type { IpFamily } from "#api/validation/ip";
import type { RequestContext } from "../context.ts";
import type { Registry } from "../registry.ts";
import type { ResourceHooks } from "../resource-hooks.ts";
import { ServiceAddresses, IP_ADDRESSES, SERVICE_CIDRS } from "./service-addresses.ts";
import { ServiceAllocator } from "./service-allocator.ts";
import { NodePorts, type PortRange } from "./service-node-ports.ts";
import type { Finding } from "./service-repair-plan.ts";
import { ServiceRepair, SERVICES } from "./service-repair.ts";

export interface ServicesOptions {
  readonly registry: () => Registry;
  readonly store: Store;
  readonly watchCache: WatchCache;
  readonly nodePorts: PortRange;
  /** Of the cluster's Services; the first is their default. */
  readonly families: readonly IpFamily[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** The server's own writes. */
  readonly context: RequestContext;
  /** Writes the Events of repairs. */
  readonly transport: () => Transport;
  /** Where they say that this runs. */
  readonly hostname?: string | undefined;
}

const PORT_ACTION = "PortAllocation";

export class Services {
  readonly #options: ServicesOptions;
  readonly #nodePorts: NodePorts;
  readonly hooks: ResourceHooks;

  constructor(options: ServicesOptions) {
    this.#options = options;
    const { store, watchCache, nodePorts, families, random, logger, context, registry } = options;
    this.#nodePorts = new NodePorts(store, nodePorts, random);
    const addresses = new ServiceAddresses({
      store: (resource) => registry().store(resource),
      sync: () => watchCache.sync(),
      random,
      context,
    });
    const onReleaseFailed = (err: unknown): void =>
      logger.warn("What a Service no longer has could not be given back", { err });
    const allocators = { addresses, nodePorts: this.#nodePorts, families };
    this.hooks = new ServiceAllocator({ ...allocators, onReleaseFailed }).hooks();
  }

  /** Repairs what is stored, and goes on doing so. Where Services or addresses are not served there is nothing to do. */
  async start(): Promise<void> {
    const { registry, clock, logger, context, watchCache } = this.#options;
    const needed = [SERVICES, IP_ADDRESSES, SERVICE_CIDRS];
    if (needed.some((resource) => registry().findStore(resource) === undefined)) return;
    await watchCache.sync(START_PATIENCE_MS);
    const repair = new ServiceRepair({
      store: (resource) => registry().store(resource),
      nodePorts: this.#nodePorts,
      clock,
      logger,
      context,
      tell: this.#teller(),
    });
    await repair.runOnce();
    repair.start();
  }

  #teller(): (finding: Finding) => void {
    const { clock, random, logger, context, transport, hostname: host = "" } = this.#options;
    const recorderOf = (component: string): ((finding: Finding) => void) => {
      const client = newClient(transport(), { userAgent: component });
      const parts = { client, component, host, clock, random, logger };
      const recorder = newEventSeriesRecorder(parts, context.signal);
      return ({ about, reason, action, note }) => recorder.event(about, "Warning", reason, note, { action });
    };
    const ports = recorderOf("portallocator-repair-controller");
    const addresses = recorderOf("ipallocator-repair-controller");
    return (finding) => (finding.action === PORT_ACTION ? ports : addresses)(finding);
  }
}
