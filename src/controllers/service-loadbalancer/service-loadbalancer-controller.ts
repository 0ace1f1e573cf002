/** Gives Services of type LoadBalancer addresses of a pool; the nodes' agents make them reachable. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { compareStrings, isConflict, keyOf, messageOf } from "#apimachinery";
import { Services } from "#api/core/v1/service";
import type { LoadBalancerIngress, Service } from "#api/core/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { ensureIndex } from "../indexes.ts";
import { unlessGone } from "../unless-gone.ts";
import type { AddressPool } from "./address-pool.ts";
import {
  addressesOf,
  changesOf,
  CLEANUP_FINALIZER,
  hasFinalizer,
  isConcerned,
  isWaiting,
  plan,
  wantsLoadBalancer,
} from "./plan.ts";

const BY_ADDRESS = "controllers/load-balancer-address";

export function serviceLoadBalancerController(context: ControllerContext, pool: AddressPool): Controller {
  const balancers = new LoadBalancers(context, pool);
  return {
    name: "service-lb-controller",
    eventSource: "service-controller",
    reconciles: Services as Kind,
    enqueues: (object) => isConcerned(object as unknown as Service),
    watches: [source(Services, (service, old, change) => balancers.onService(service, old, change))],
    workers: 1,
    reconcile: (key, signal) => balancers.reconcile(key, signal),
  };
}

/**
 * Safe on a stale cache: an address is held in memory from its choice until the service is gone or released, addresses
 * in the cached status count as well, and a write carries the resourceVersion it was decided on.
 */
class LoadBalancers {
  readonly #context: ControllerContext;
  readonly #pool: AddressPool;
  readonly #services: Lister<Service>;
  /** Address → service. Bounded by the pool. */
  readonly #holders = new Map<string, ObjectKey>();

  constructor(context: ControllerContext, pool: AddressPool) {
    this.#context = context;
    this.#pool = pool;
    const informer = context.informers.informer(Services);
    this.#services = informer.lister;
    ensureIndex(informer, BY_ADDRESS, addressesOf);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const { metrics, recorder } = this.#context;
    const service = this.#services.get(key);
    if (service === undefined) {
      this.#forget(key);
      return {};
    }
    const decision = plan(service, this.#pool, (ip) => this.#holderOf(ip));
    if (decision.action === "none") return {};
    metrics?.inc("service_controller_loadbalancer_sync_total", {});
    try {
      if (decision.action === "fail") throw new Error(decision.message);
      if (decision.action === "release") await this.#release(service, signal);
      else await this.#ensure(service, decision.ips, signal);
    } catch (err) {
      if (!isConflict(err)) {
        const message = `Error syncing load balancer: ${messageOf(err)}`;
        recorder.event(service, "Warning", "SyncLoadBalancerFailed", message);
      }
      throw err;
    }
    return {};
  }

  /** An address that comes free is for those that wait for one. */
  onService(
    service: Service,
    old: Service | undefined,
    change: "add" | "update" | "delete",
  ): readonly ObjectKey[] {
    if (change === "update" && old !== undefined && (isConcerned(old) || isConcerned(service)))
      for (const [reason, message] of changesOf(old, service))
        this.#context.recorder.event(service, "Normal", reason, message);
    const kept = change === "delete" ? [] : addressesOf(service);
    const had = change === "delete" ? addressesOf(service) : old === undefined ? [] : addressesOf(old);
    if (had.every((ip) => kept.includes(ip))) return [];
    return this.#services.list().filter(isWaiting).map(keyOf);
  }

  async #ensure(service: Service, ips: readonly string[], signal: AbortSignal): Promise<void> {
    const { recorder } = this.#context;
    const key = keyOf(service);
    this.#forget(key);
    for (const ip of ips) this.#holders.set(ip, key);
    recorder.event(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer");
    const { finalizers = [] } = service.metadata;
    const guarded = hasFinalizer(service) ? finalizers : [...finalizers, CLEANUP_FINALIZER];
    const ingress = ips.map((ip) => ({ ip, ipMode: "VIP" }));
    await this.#writeStatus(service, guarded, ingress, signal);
    recorder.event(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer");
  }

  async #release(service: Service, signal: AbortSignal): Promise<void> {
    const { recorder } = this.#context;
    const key = keyOf(service);
    // a change of the type has cleared the status already
    if (addressesOf(service).length > 0 || [...this.#holders.values()].includes(key))
      recorder.event(service, "Normal", "DeletingLoadBalancer", "Deleting load balancer");
    const finalizers = (service.metadata.finalizers ?? []).filter((name) => name !== CLEANUP_FINALIZER);
    await this.#writeStatus(service, finalizers, [], signal);
    this.#forget(key);
    recorder.event(service, "Normal", "DeletedLoadBalancer", "Deleted load balancer");
  }

  /** One write: a service never shows an address without the finalizer that guards it. */
  async #writeStatus(
    service: Service,
    finalizers: readonly string[],
    ingress: readonly LoadBalancerIngress[],
    signal: AbortSignal,
  ): Promise<void> {
    const next: Service = {
      ...service,
      metadata: { ...service.metadata, finalizers },
      status: { ...service.status, loadBalancer: ingress.length > 0 ? { ingress } : {} },
    };
    await unlessGone(this.#context.client.updateStatus(Services, next, signal));
  }

  /** Of two that show one address (others wrote it) the older has it. */
  #holderOf(ip: string): ObjectKey | undefined {
    const held = this.#holders.get(ip);
    if (held !== undefined) return held;
    const [first] = this.#services
      .byIndex(BY_ADDRESS, ip)
      .filter(wantsLoadBalancer)
      .toSorted(({ metadata: a }, { metadata: b }) =>
        compareStrings(a.creationTimestamp ?? "", b.creationTimestamp ?? ""),
      );
    return first === undefined ? undefined : keyOf(first);
  }

  #forget(key: ObjectKey): void {
    for (const [ip, holder] of this.#holders) if (holder === key) this.#holders.delete(ip);
  }
}
