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
import { MANAGED_BY_LABEL } from "../endpointslice/plan.ts";
import { writeSlices } from "../endpointslice/write-slices.ts";
import { ensureIndex } from "../indexes.ts";
import { OWN_WRITES_TIMEOUT_MS, OwnWrites } from "../own-writes.ts";
import { CONTROLLER_NAME, isMirrored, plan } from "./plan.ts";

const BY_ENDPOINTS = "controllers/mirrored";

/** Safe on a stale cache, as the EndpointSlice controller is. */
export function endpointSliceMirroringController({
  client,
  clock,
  informers,
}: ControllerContext): Controller {
  const endpointsLister = informers.lister(Endpoints);
  const services = informers.lister(Services);
  const slices = informers.informer(EndpointSlices);
  ensureIndex(slices, BY_ENDPOINTS, mirroredBy);
  const ownWrites = new OwnWrites(clock, slices);

  async function reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const endpoints = endpointsLister.get(key);
    const existing = slices.lister.byIndex(BY_ENDPOINTS, key);
    if (!ownWrites.settled(key)) return { requeueAfterMs: OWN_WRITES_TIMEOUT_MS };
    const changes =
      endpoints !== undefined && isMirrored(endpoints, services.get(key))
        ? plan(endpoints, existing)
        : { create: [], update: [], remove: existing };
    await writeSlices(client, ownWrites, key, changes, signal);
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
