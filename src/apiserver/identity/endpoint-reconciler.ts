/** Keeps the endpoints of the `kubernetes` Service the addresses of all servers that live; upstream's lease reconciler. @module */
import type { Clock, Logger } from "#apimachinery";
import type { Store } from "#storage";
import { createOrReplace } from "../bootstrap/bootstrap-objects.ts";
import { kubernetesEndpoints } from "../bootstrap/kubernetes-service.ts";
import type { RequestContext } from "../registry/context.ts";
import type { Registry } from "../registry/registry.ts";
import { MasterLeases } from "./master-leases.ts";

/** Upstream's DefaultEndpointReconcilerInterval. */
const INTERVAL_MS = 10_000;

export interface EndpointReconcilerOptions {
  readonly registry: Registry;
  readonly store: Store;
  /** Where pods and nodes reach this server. */
  readonly address: string;
  readonly port: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly context: RequestContext;
}

export class EndpointReconciler {
  readonly #options: EndpointReconcilerOptions;
  readonly #leases: MasterLeases;
  #isStopped = false;
  /** A pass and the last one never overlap. */
  #running: Promise<void> = Promise.resolve();

  constructor(options: EndpointReconcilerOptions) {
    this.#options = options;
    this.#leases = new MasterLeases(options.store, options.clock);
  }

  /** Adds this server, and keeps the endpoints until `stop` or the context's signal aborts. */
  async start(): Promise<void> {
    await this.#reconcile();
    this.#again();
  }

  /** Takes this server out: clients are led to the others before it closes. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    await this.#leases.remove(this.#options.address);
    await this.#write(await this.#leases.list());
  }

  #again(): void {
    const { clock, context, logger } = this.#options;
    clock.after(INTERVAL_MS, () => {
      if (this.#isStopped || context.signal.aborted) return;
      this.#running = this.#reconcile().catch((err: unknown) =>
        logger.error("The endpoints of the kubernetes Service could not be reconciled", { err }),
      );
      void this.#running.finally(() => this.#again());
    });
  }

  async #reconcile(): Promise<void> {
    await this.#leases.renew(this.#options.address);
    const addresses = await this.#leases.list();
    if (addresses.length === 0) {
      throw new Error(
        "no API server IP addresses were listed in storage, refusing to erase all endpoints for the kubernetes Service",
      );
    }
    await this.#write(addresses);
  }

  async #write(addresses: readonly string[]): Promise<void> {
    const { registry, port, context } = this.#options;
    await createOrReplace(registry, kubernetesEndpoints({ addresses, securePort: port }), context);
  }
}
