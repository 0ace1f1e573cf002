/** The Lease by which others see that this server lives, and the removal of Leases of servers that are gone. @module */
import {
  formatMicroTime,
  isNotFound,
  parseTime,
  unless,
  type Clock,
  type KubeObject,
  type Logger,
} from "#apimachinery";
import type { Lease } from "#api/coordination/v1/types.gen";
import type { RequestContext } from "../registry/context.ts";
import type { ResourceStore } from "../registry/resource-store.ts";
import { newUid } from "../registry/uid.ts";
import { serverName } from "./server-name.ts";

const NAMESPACE = "kube-system";
const IDENTITY_LABEL = "apiserver.kubernetes.io/identity";
const IDENTITY = "kube-apiserver";
const HOSTNAME_LABEL = "kubernetes.io/hostname";
/** Upstream's IdentityLease… constants. */
const DURATION_SECONDS = 3_600;
const RENEW_MS = 10_000;
const COLLECT_MS = 3_600_000;

export interface IdentityLeaseOptions {
  readonly leases: ResourceStore;
  readonly hostname: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly context: RequestContext;
}

export class IdentityLease {
  readonly #options: IdentityLeaseOptions;
  readonly #name: string;
  readonly #holder: string;
  #isStopped = false;

  constructor(options: IdentityLeaseOptions) {
    this.#options = options;
    this.#name = serverName(options.hostname);
    this.#holder = `${this.#name}_${newUid(options.random)}`;
  }

  /** Replaces what an earlier run of this server left, and renews until `stop` or the context's signal aborts. */
  async start(): Promise<void> {
    await this.#delete(this.#name);
    await this.#renew();
    this.#every(RENEW_MS, () => this.#renew());
    this.#every(COLLECT_MS, () => this.#collect());
  }

  /** The server says itself that it is gone. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#delete(this.#name);
  }

  #every(ms: number, run: () => Promise<void>): void {
    const { clock, context, logger } = this.#options;
    clock.after(ms, () => {
      if (this.#isStopped || context.signal.aborted) return;
      void run()
        .catch((err: unknown) => logger.warn("The server's lease could not be kept", { err }))
        .finally(() => this.#every(ms, run));
    });
  }

  async #renew(): Promise<void> {
    const { leases, context } = this.#options;
    const transform = (stored: KubeObject | undefined): KubeObject =>
      this.#lease(stored as Lease | undefined);
    const update = { subresource: "", mayCreate: true, transform };
    await leases.update(NAMESPACE, this.#name, update, context);
  }

  #lease(stored: Lease | undefined): Lease {
    const { clock, hostname } = this.#options;
    const labels = { ...stored?.metadata.labels, [IDENTITY_LABEL]: IDENTITY, [HOSTNAME_LABEL]: hostname };
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { ...stored?.metadata, name: this.#name, namespace: NAMESPACE, labels },
      spec: {
        ...stored?.spec,
        holderIdentity: stored?.spec?.holderIdentity ?? this.#holder,
        leaseDurationSeconds: DURATION_SECONDS,
        renewTime: formatMicroTime(clock.now()),
      },
    };
  }

  /** Of servers that ended without a word. */
  async #collect(): Promise<void> {
    const { leases, clock } = this.#options;
    const all = Array.from(leases.cache.list({ prefix: `${NAMESPACE}/` }), ({ object }) => object as Lease);
    for (const { metadata } of all.filter((lease) => isExpired(lease, clock.now()))) {
      if (metadata.labels?.[IDENTITY_LABEL] !== IDENTITY) continue;
      await this.#delete(metadata.name, metadata.resourceVersion);
    }
  }

  /** A lease that was renewed meanwhile stays. */
  async #delete(name: string, resourceVersion?: string): Promise<void> {
    const { leases, context } = this.#options;
    const options = resourceVersion === undefined ? {} : { preconditions: { resourceVersion } };
    await unless(isNotFound, leases.delete(NAMESPACE, name, options, context));
  }
}

/** Leases of servers have both fields: others are wrong, and go. */
export function isExpired({ spec }: Lease, nowMs: number): boolean {
  const { renewTime, leaseDurationSeconds } = spec ?? {};
  if (renewTime === undefined || leaseDurationSeconds === undefined) return true;
  return parseTime(renewTime) + leaseDurationSeconds * 1000 < nowMs;
}
