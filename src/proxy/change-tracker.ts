/** What of Services, EndpointSlices, ServiceCIDRs and this node has changed since rules were last written, and plans for it. @module */
import { setImmediate } from "node:timers/promises";
import { Nodes } from "#api/core/v1/node";
import { Services } from "#api/core/v1/service";
import type { Node, Service } from "#api/core/v1/types.gen";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { serviceKeysOf } from "#api/discovery/v1/service-keys";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { ServiceCIDRs } from "#api/networking/v1/servicecidr";
import type { ServiceCIDR } from "#api/networking/v1/types.gen";
import { keyOf, type ObjectKey } from "#apimachinery";
import type { InformerFactory, SharedInformer } from "#client";
import { emptyPlan, plan, type PlanOptions, type ServicePlan } from "./plan.ts";

const SERVICE_INDEX = "service";
const ZONE_LABEL = "topology.kubernetes.io/zone";
/** So many are planned before others have their turn. */
const PLANS_PER_TURN = 200;

export interface ChangeTrackerOptions extends Omit<PlanOptions, "zone"> {
  readonly informers: InformerFactory;
  /** Told of the first change after `take`. */
  readonly onChange?: () => void;
}

export class ChangeTracker {
  readonly #options: ChangeTrackerOptions;
  readonly #services: SharedInformer<Service>;
  readonly #slices: SharedInformer<EndpointSlice>;
  readonly #nodes: SharedInformer<Node>;
  readonly #cidrs: SharedInformer<ServiceCIDR>;
  readonly #dirty = new Set<ObjectKey>();
  #rangesChanged = false;
  #zone: string | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(options: ChangeTrackerOptions) {
    this.#options = options;
    const { informers, nodeName } = options;
    this.#services = informers.informer(Services);
    this.#slices = informers.informer(EndpointSlices);
    this.#nodes = informers.informer(Nodes);
    this.#cidrs = informers.informer(ServiceCIDRs);
    this.#slices.addIndexer(SERVICE_INDEX, serviceKeysOf);
    const marked = (service: Service): void => this.#mark([keyOf(service)]);
    this.#services.addEventHandler({ onAdd: marked, onUpdate: marked, onDelete: marked });
    this.#slices.addEventHandler({
      onAdd: (slice) => this.#mark(serviceKeysOf(slice)),
      onUpdate: (slice, old) => this.#mark([...serviceKeysOf(slice), ...serviceKeysOf(old)]),
      onDelete: (slice) => this.#mark(serviceKeysOf(slice)),
    });
    const observe = (node: Node): void => {
      if (node.metadata.name === nodeName) this.#setZone(node.metadata.labels?.[ZONE_LABEL]);
    };
    this.#nodes.addEventHandler({ onAdd: observe, onUpdate: observe });
    const ranges = (): void => this.#setRangesChanged();
    this.#cidrs.addEventHandler({ onAdd: ranges, onUpdate: ranges, onDelete: ranges });
  }

  /** This node's object; undefined while it is not there. */
  node(): Node | undefined {
    return this.#nodes.lister.get(keyOf({ metadata: { name: this.#options.nodeName } }));
  }

  /** Of all ServiceCIDRs, of both families. */
  serviceRanges(): readonly string[] {
    return this.#cidrs.lister.list().flatMap(({ spec }) => spec?.cidrs ?? []);
  }

  /** Plans of what changed since the last call, or of every service. What changes meanwhile is planned by the next call. */
  async take(all: boolean): Promise<ReadonlyMap<ObjectKey, ServicePlan>> {
    if (all) for (const service of this.#services.lister.list()) this.#dirty.add(keyOf(service));
    const keys = [...this.#dirty];
    this.#dirty.clear();
    this.#rangesChanged = false;
    const plans = new Map<ObjectKey, ServicePlan>();
    for (const key of keys) {
      plans.set(key, this.#plan(key));
      if (plans.size % PLANS_PER_TURN === 0) await setImmediate();
    }
    return plans;
  }

  /** Resolves at the next change, at once if there was one since `take`, or when `signal` aborts. */
  async next(signal: AbortSignal): Promise<void> {
    if (this.#dirty.size > 0 || this.#rangesChanged || signal.aborted) return;
    this.#changed = Promise.withResolvers();
    const stop = (): void => this.#changed.resolve();
    signal.addEventListener("abort", stop, { once: true });
    await this.#changed.promise;
    signal.removeEventListener("abort", stop);
  }

  /** Hints are for zones: every service may lead elsewhere now. */
  #setZone(zone: string | undefined): void {
    if (zone === this.#zone) return;
    this.#zone = zone;
    this.#mark(this.#services.lister.list().map((service) => keyOf(service)));
  }

  #setRangesChanged(): void {
    this.#rangesChanged = true;
    this.#wake();
  }

  #mark(keys: readonly ObjectKey[]): void {
    for (const key of keys) this.#dirty.add(key);
    if (keys.length > 0) this.#wake();
  }

  #wake(): void {
    this.#options.onChange?.();
    this.#changed.resolve();
  }

  #plan(key: ObjectKey): ServicePlan {
    const service = this.#services.lister.get(key);
    if (service === undefined) return emptyPlan;
    const slices = this.#slices.lister.byIndex(SERVICE_INDEX, key);
    return plan(service, slices, { ...this.#options, zone: this.#zone });
  }
}
