/** What of Services, EndpointSlices, ServiceCIDRs and this node has changed since rules were last written, and plans for it. @module */
import { Nodes } from "#api/core/v1/node";
import { Services } from "#api/core/v1/service";
import type { Node, Service } from "#api/core/v1/types.gen";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { serviceKeysOf } from "#api/discovery/v1/service-keys";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { ServiceCIDRs } from "#api/networking/v1/servicecidr";
import type { ServiceCIDR } from "#api/networking/v1/types.gen";
import type { IpFamily } from "#api/validation/ip";
import { keyOf, type ObjectKey } from "#apimachinery";
import type { InformerFactory, SharedInformer } from "#client";
import { readSlice } from "./endpoints.ts";
import type { ProxyMetrics } from "./metrics/proxy-metrics.ts";
import { emptyPlan, planSteps, type ServicePlan } from "./plan.ts";
import type { TriggerTimes } from "./trigger-times.ts";
import { SERVICE_UNITS, Turns } from "./turns.ts";

const SERVICE_INDEX = "service";
const ZONE_LABEL = "topology.kubernetes.io/zone";

/** A family's part of each service that changed. */
export type Plans = ReadonlyMap<IpFamily, ReadonlyMap<ObjectKey, ServicePlan>>;

export interface ChangeTrackerOptions {
  readonly informers: InformerFactory;
  readonly families: readonly IpFamily[];
  readonly nodeName: string;
  /** Of both families. */
  readonly nodeIPs: readonly string[];
  readonly metrics: Pick<ProxyMetrics, "serviceChanged" | "endpointsChanged" | "taken">;
  readonly triggers: TriggerTimes;
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
    const marked = (service: Service): void => {
      options.metrics.serviceChanged();
      this.#mark([keyOf(service)]);
    };
    this.#services.addEventHandler({ onAdd: marked, onUpdate: marked, onDelete: marked });
    this.#slices.addEventHandler({
      onAdd: (slice) => this.#markSlice(slice, slice),
      onUpdate: (slice, old) => this.#markSlice(slice, old),
      onDelete: (slice) => this.#markSlice(undefined, slice),
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
  async take(all: boolean): Promise<Plans> {
    if (all) for (const service of this.#services.lister.list()) this.#dirty.add(keyOf(service));
    const keys = [...this.#dirty];
    this.#dirty.clear();
    this.#rangesChanged = false;
    this.#options.metrics.taken();
    const plans = new Map(
      this.#options.families.map((family) => [family, new Map<ObjectKey, ServicePlan>()]),
    );
    const turns = new Turns();
    for (const key of keys) {
      for (const [family, planned] of plans) planned.set(key, await this.#plan(key, family, turns));
      await turns.spend(SERVICE_UNITS);
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

  /** `slice` as it is now, and as it was. */
  #markSlice(slice: EndpointSlice | undefined, old: EndpointSlice): void {
    const { metrics, triggers } = this.#options;
    metrics.endpointsChanged();
    const before = serviceKeysOf(old);
    const now = slice === undefined ? [] : serviceKeysOf(slice);
    if (slice === undefined) for (const key of before) triggers.forget(key, old);
    else for (const key of now) triggers.note(key, slice);
    this.#mark([...now, ...before]);
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

  async #plan(key: ObjectKey, family: IpFamily, turns: Turns): Promise<ServicePlan> {
    for (const slice of this.#slices.lister.byIndex(SERVICE_INDEX, key)) await turns.spend(readSlice(slice));
    const service = this.#services.lister.get(key);
    if (service === undefined) return emptyPlan;
    const { nodeName, nodeIPs } = this.#options;
    const slices = this.#slices.lister.byIndex(SERVICE_INDEX, key);
    const steps = planSteps(service, slices, { nodeName, nodeIPs, family, zone: this.#zone });
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) await turns.spend(step.value);
    return step.value;
  }
}
