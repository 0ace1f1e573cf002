/** How a server that listens shows itself to the cluster, and takes its leave. @module */
import type { Clock, Logger } from "#apimachinery";
import type { Store } from "#storage";
import type { RequestContext } from "../registry/context.ts";
import type { Registry } from "../registry/registry.ts";
import { EndpointReconciler } from "./endpoint-reconciler.ts";
import { IdentityLease } from "./identity-lease.ts";

export interface PresenceOptions {
  readonly registry: Registry;
  readonly store: Store;
  /** Absent: no Lease. */
  readonly hostname: string | undefined;
  /** Absent, or a loopback address, which means another machine in every pod: no endpoint. */
  readonly advertiseAddress: string | undefined;
  readonly securePort: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly context: RequestContext;
}

interface Part {
  start(): Promise<void>;
  stop(): Promise<void>;
}

const LOOPBACK = /^(127\.|::1$|localhost$)/;
const LEASES = "coordination.k8s.io/leases";

export class Presence {
  readonly #parts: readonly Part[];
  readonly #logger: Logger;

  constructor(options: PresenceOptions) {
    const { registry, hostname, advertiseAddress: address, securePort: port, logger } = options;
    const leases = registry.findStore(LEASES);
    const isReachable = address !== undefined && !LOOPBACK.test(address);
    this.#logger = logger;
    this.#parts = [
      ...(isReachable ? [new EndpointReconciler({ ...options, address, port })] : []),
      ...(hostname === undefined || leases === undefined
        ? []
        : [new IdentityLease({ ...options, leases, hostname })]),
    ];
  }

  async start(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.start()));
  }

  /** Never throws: a store that does not answer must not keep a server from its end. */
  async stop(): Promise<void> {
    const stopped = this.#parts.map((part) => part.stop());
    const onFailed = (err: unknown): void =>
      this.#logger.warn("The server could not take its leave", { err });
    await Promise.all(stopped.map((promise) => promise.catch(onFailed)));
  }
}
