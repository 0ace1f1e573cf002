/** Mirrors Endpoints that users maintain for services without a selector as EndpointSlices. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { keyOf } from "#apimachinery";
import { Endpoints } from "#api/core/v1/endpoints";
import { Services } from "#api/core/v1/service";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { serviceKeysOf } from "#api/discovery/v1/service-keys";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { SliceMetrics, updatedEndpoints } from "../endpointslice/metrics.ts";
import { MANAGED_BY_LABEL } from "../endpointslice/plan.ts";
import { writeSlices } from "../endpointslice/write-slices.ts";
import { ensureIndex } from "../indexes.ts";
import { OWN_WRITES_TIMEOUT_MS, OwnWrites } from "../own-writes.ts";
import { ADDRESSES_PER_SUBSET_MAX, CONTROLLER_NAME, isMirrored, plan, skippedAddresses } from "./plan.ts";

const SUBSYSTEM = "endpoint_slice_mirroring_controller";
const BY_ENDPOINTS = "controllers/mirrored";

/** Safe on a stale cache, as the EndpointSlice controller is. */
export function endpointSliceMirroringController({
  client,
  clock,
  informers,
  recorder,
  metrics,
}: ControllerContext): Controller {
  const endpointsLister = informers.lister(Endpoints);
  const services = informers.lister(Services);
  const slices = informers.informer(EndpointSlices);
  ensureIndex(slices, BY_ENDPOINTS, mirroredBy);
  const ownWrites = new OwnWrites(clock, slices);
  const sizes = metrics && new SliceMetrics(metrics, SUBSYSTEM);

  async function reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const startMs = clock.monotonicMs();
    const endpoints = endpointsLister.get(key);
    const existing = slices.lister.byIndex(BY_ENDPOINTS, key);
    if (!ownWrites.settled(key)) return { requeueAfterMs: OWN_WRITES_TIMEOUT_MS };
    const mirrored = isMirrored(endpoints, services.get(key)) ? endpoints : undefined;
    const skipped = mirrored === undefined ? 0 : skippedAddresses(mirrored);
    if (mirrored !== undefined && skipped > 0) {
      const message = `A max of ${ADDRESSES_PER_SUBSET_MAX} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`;
      recorder.event(mirrored, "Warning", "TooManyAddressesToMirror", message);
    }
    const changes =
      mirrored === undefined ? { create: [], update: [], remove: existing } : plan(mirrored, existing);
    await writeSlices(client, ownWrites, key, changes, signal, sizes);
    if (mirrored === undefined) sizes?.forget(key);
    else {
      sizes?.synced(key, existing, changes, ADDRESSES_PER_SUBSET_MAX);
      metrics?.observe(`${SUBSYSTEM}_endpoints_updated_per_sync`, {}, updatedEndpoints(existing, changes));
      metrics?.observe(`${SUBSYSTEM}_addresses_skipped_per_sync`, {}, skipped);
    }
    metrics?.observe(`${SUBSYSTEM}_endpoints_sync_duration`, {}, (clock.monotonicMs() - startMs) / 1_000);
    return {};
  }

  return {
    name: "endpointslice-mirroring-controller",
    eventSource: "endpoint-slice-mirroring-controller",
    reconciles: Endpoints as Kind,
    watches: [source(Services, (service) => [keyOf(service)]), source(EndpointSlices, mirroredBy)],
    reconcile,
  };
}

function mirroredBy(slice: EndpointSlice): readonly ObjectKey[] {
  return slice.metadata.labels?.[MANAGED_BY_LABEL] === CONTROLLER_NAME ? serviceKeysOf(slice) : [];
}
