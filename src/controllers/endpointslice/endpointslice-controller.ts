/** Keeps the EndpointSlices of every service with a selector true to its pods. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { isConflict, messageOf } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import type { Node, Pod, Service } from "#api/core/v1/types.gen";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { serviceKeysOf } from "#api/discovery/v1/service-keys";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { ensureIndex, indexPodsByNode, podsOnNode } from "../indexes.ts";
import { OWN_WRITES_TIMEOUT_MS, OwnWrites } from "../own-writes.ts";
import type { ServicePods } from "../service-pods.ts";
import { servicePods } from "../service-pods.ts";
import { SliceMetrics } from "./metrics.ts";
import { CONTROLLER_NAME, ENDPOINTS_PER_SLICE, MANAGED_BY_LABEL, plan } from "./plan.ts";
import { TopologyCache } from "./topology-cache.ts";
import { isTopologyModeAuto, trafficDistributionOf } from "./traffic-distribution.ts";
import { TriggerTimes, withTriggerTime } from "./trigger-times.ts";
import { writeSlices } from "./write-slices.ts";
import { isSamePlace, zoneOf, zoneRatios } from "./zone-ratios.ts";

const BY_SERVICE = "controllers/service";
const METRICS = "endpoint_slice_controller";

/**
 * Safe on a stale cache: nothing is planned before the cache shows the slices created and deleted here (`OwnWrites`),
 * and updates carry the resourceVersion they were decided on.
 */
export function endpointSliceController(
  context: ControllerContext,
  endpointsMax: number = ENDPOINTS_PER_SLICE,
): Controller {
  const slices = new Slices(context, endpointsMax);
  return {
    name: "endpointslice-controller",
    eventSource: "endpoint-slice-controller",
    reconciles: Services as Kind,
    watches: [
      source(Pods, slices.behind.servicesOf),
      source(EndpointSlices, (slice) => serviceOf(slice)),
      source(Nodes, (node, old, change) => slices.onNode(node, old, change)),
    ],
    reconcile: (key, signal) => slices.reconcile(key, signal),
  };
}

class Slices {
  readonly behind: ServicePods;
  readonly #context: ControllerContext;
  readonly #endpointsMax: number;
  readonly #services: Lister<Service>;
  readonly #nodes: Lister<Node>;
  readonly #pods: Lister<Pod>;
  readonly #slices: Lister<EndpointSlice>;
  readonly #ownWrites: OwnWrites;
  readonly #sizes: SliceMetrics | undefined;
  readonly #topology = new TopologyCache();
  readonly #triggers = new TriggerTimes();
  /** Undefined inside: not known, or of no use; reckoned when a service asks for it. */
  #ratios: { readonly value: ReadonlyMap<string, number> | undefined } | undefined;

  constructor(context: ControllerContext, endpointsMax: number) {
    const { clock, informers, metrics } = context;
    this.#context = context;
    this.#endpointsMax = endpointsMax;
    this.#sizes = metrics && new SliceMetrics(metrics, METRICS);
    this.#services = informers.lister(Services);
    this.#nodes = informers.lister(Nodes);
    const pods = informers.informer(Pods);
    const slices = informers.informer(EndpointSlices);
    this.behind = servicePods(context);
    indexPodsByNode(pods);
    ensureIndex(slices, BY_SERVICE, (slice) => serviceOf(slice));
    this.#pods = pods.lister;
    this.#slices = slices.lister;
    this.#ownWrites = new OwnWrites(clock, slices);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const { metrics, recorder } = this.#context;
    const service = this.#services.get(key);
    if (service === undefined) this.#forget(key);
    if (!isManaged(service)) return {};
    if (!this.#ownWrites.settled(key)) {
      metrics?.inc(`${METRICS}_syncs`, { result: "stale" });
      return { requeueAfterMs: OWN_WRITES_TIMEOUT_MS };
    }
    try {
      await this.#sync(key, service, signal);
      metrics?.inc(`${METRICS}_syncs`, { result: "success" });
    } catch (err) {
      metrics?.inc(`${METRICS}_syncs`, { result: "error" });
      if (!isConflict(err)) {
        const message = `Error updating Endpoint Slices for Service ${key}: ${messageOf(err)}`;
        recorder.event(service, "Warning", "FailedToUpdateEndpointSlices", message);
      }
      throw err;
    }
    return {};
  }

  /** A node that appears, or moves to another zone, changes the endpoints of its pods, and shares of zones. */
  onNode(node: Node, old: Node | undefined, change: "add" | "update" | "delete"): readonly ObjectKey[] {
    if (change === "update" && old !== undefined && isSamePlace(node, old)) return [];
    this.#ratios = undefined;
    const overloaded = this.#topology.isEmpty ? [] : this.#topology.overloaded(this.#currentRatios());
    if (change === "delete" || (old !== undefined && zoneOf(old) === zoneOf(node))) return overloaded;
    const onNode = podsOnNode(this.#pods, node.metadata.name).flatMap(this.behind.servicesSelecting);
    return [...new Set([...onNode, ...overloaded])];
  }

  async #sync(key: ObjectKey, service: Service, signal: AbortSignal): Promise<void> {
    const { client, metrics, recorder } = this.#context;
    const isAuto = isTopologyModeAuto(service);
    const observed = {
      pods: this.behind.podsOf(service),
      nodeOf: (name: string) => this.#nodes.get(name),
      slices: this.#slices.byIndex(BY_SERVICE, key),
      endpointsMax: this.#endpointsMax,
      ratios: isAuto ? this.#currentRatios() : undefined,
    };
    const triggerMs = this.#triggers.observe(key, service, observed.pods);
    const changes = plan(service, observed);
    const stamped = {
      create: changes.create.map((slice) => withTriggerTime(slice, triggerMs)),
      update: changes.update.map((slice) => withTriggerTime(slice, triggerMs)),
      remove: changes.remove,
    };
    await writeSlices(client, this.#ownWrites, key, stamped, signal, this.#sizes);
    for (const event of this.#topology.note(key, changes.topology))
      recorder.event(service, event.type, event.reason, event.message);
    const distribution = trafficDistributionOf(service);
    this.#sizes?.synced(key, observed.slices, changes, this.#endpointsMax);
    this.#sizes?.distributes(key, distribution);
    const labels = { topology: isAuto ? "Auto" : "Disabled", traffic_distribution: distribution };
    const changed = changes.create.length + changes.update.length + changes.remove.length;
    metrics?.observe(`${METRICS}_endpointslices_changed_per_sync`, labels, changed);
  }

  #currentRatios(): ReadonlyMap<string, number> | undefined {
    this.#ratios ??= { value: zoneRatios(this.#nodes.list()) };
    return this.#ratios.value;
  }

  #forget(key: ObjectKey): void {
    this.#ownWrites.forget(key);
    this.#sizes?.forget(key);
    this.#topology.forget(key);
    this.#triggers.forget(key);
  }
}

/** Services without a selector, and names for things elsewhere, have their endpoints from others. */
function isManaged(service: Service | undefined): service is Service {
  if (service === undefined || service.metadata.deletionTimestamp !== undefined) return false;
  return service.spec?.selector !== undefined && service.spec.type !== "ExternalName";
}

function serviceOf(slice: EndpointSlice): readonly ObjectKey[] {
  return slice.metadata.labels?.[MANAGED_BY_LABEL] === CONTROLLER_NAME ? serviceKeysOf(slice) : [];
}
