/** Keeps the EndpointSlices of every service with a selector true to its pods. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { isConflict } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import type { Node, Service } from "#api/core/v1/types.gen";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { serviceKeysOf } from "#api/discovery/v1/service-keys";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { ensureIndex, indexPodsByNode, podsOnNode } from "../indexes.ts";
import { OWN_WRITES_TIMEOUT_MS, OwnWrites } from "../own-writes.ts";
import { messageOf } from "../pod-control.ts";
import { servicePods } from "../service-pods.ts";
import { SliceMetrics } from "./metrics.ts";
import { CONTROLLER_NAME, ENDPOINTS_PER_SLICE, MANAGED_BY_LABEL, plan } from "./plan.ts";
import { writeSlices } from "./write-slices.ts";

const BY_SERVICE = "controllers/service";
const ZONE_LABEL = "topology.kubernetes.io/zone";

/**
 * Safe on a stale cache: nothing is planned before the cache shows the slices created and deleted here (`OwnWrites`),
 * and updates carry the resourceVersion they were decided on.
 */
export function endpointSliceController(
  context: ControllerContext,
  endpointsMax: number = ENDPOINTS_PER_SLICE,
): Controller {
  const { client, clock, informers, recorder, metrics } = context;
  const sizes = metrics && new SliceMetrics(metrics, "endpoint_slice_controller");
  const services = informers.lister(Services);
  const nodes = informers.lister(Nodes);
  const pods = informers.informer(Pods);
  const slices = informers.informer(EndpointSlices);
  const behind = servicePods(context);
  indexPodsByNode(pods);
  ensureIndex(slices, BY_SERVICE, (slice) => serviceOf(slice));
  const ownWrites = new OwnWrites(clock, slices);

  async function reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const service = services.get(key);
    if (service === undefined) {
      ownWrites.forget(key);
      sizes?.forget(key);
    }
    if (!isManaged(service)) return {};
    if (!ownWrites.settled(key)) {
      metrics?.inc("endpoint_slice_controller_syncs", { result: "stale" });
      return { requeueAfterMs: OWN_WRITES_TIMEOUT_MS };
    }
    const observed = {
      pods: behind.podsOf(service),
      nodeOf: (name: string) => nodes.get(name),
      slices: slices.lister.byIndex(BY_SERVICE, key),
      endpointsMax,
    };
    try {
      const changes = plan(service, observed);
      await writeSlices(client, ownWrites, key, changes, signal, sizes);
      sizes?.synced(key, observed.slices, changes, endpointsMax);
      metrics?.inc("endpoint_slice_controller_syncs", { result: "success" });
      const labels = { topology: "Disabled", traffic_distribution: service.spec?.trafficDistribution ?? "" };
      const changed = changes.create.length + changes.update.length + changes.remove.length;
      metrics?.observe("endpoint_slice_controller_endpointslices_changed_per_sync", labels, changed);
    } catch (err) {
      metrics?.inc("endpoint_slice_controller_syncs", { result: "error" });
      if (!isConflict(err)) {
        const message = `Error updating Endpoint Slices for Service ${key}: ${messageOf(err)}`;
        recorder.event(service, "Warning", "FailedToUpdateEndpointSlices", message);
      }
      throw err;
    }
    return {};
  }

  /** A node that appears, or moves to another zone, changes the endpoints of its pods. */
  function servicesOnNode(node: Node, old: Node | undefined): readonly ObjectKey[] {
    if (old !== undefined && zoneOf(old) === zoneOf(node)) return [];
    return [...new Set(podsOnNode(pods.lister, node.metadata.name).flatMap(behind.servicesSelecting))];
  }

  return {
    name: "endpointslice-controller",
    eventSource: "endpoint-slice-controller",
    reconciles: Services as Kind,
    watches: [
      source(Pods, behind.servicesOf),
      source(EndpointSlices, (slice) => serviceOf(slice)),
      source(Nodes, (node, old, change) => (change === "delete" ? [] : servicesOnNode(node, old))),
    ],
    reconcile,
  };
}

/** Services without a selector, and names for things elsewhere, have their endpoints from others. */
function isManaged(service: Service | undefined): service is Service {
  if (service === undefined || service.metadata.deletionTimestamp !== undefined) return false;
  return service.spec?.selector !== undefined && service.spec.type !== "ExternalName";
}

function serviceOf(slice: EndpointSlice): readonly ObjectKey[] {
  return slice.metadata.labels?.[MANAGED_BY_LABEL] === CONTROLLER_NAME ? serviceKeysOf(slice) : [];
}

function zoneOf({ metadata }: Node): string | undefined {
  return metadata.labels?.[ZONE_LABEL];
}
