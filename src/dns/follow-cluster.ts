/** Keeps the zone in step with Services, EndpointSlices and Namespaces. @module */
import { Namespaces } from "#api/core/v1/namespace";
import { Services } from "#api/core/v1/service";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { serviceKeysOf } from "#api/discovery/v1/service-keys";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { keyOf, type ObjectKey } from "#apimachinery";
import type { InformerFactory } from "#client";
import { recordsOf } from "./records.ts";
import { Zone } from "./zone.ts";

const SERVICE_INDEX = "service";

/** The zone; `onChange` is told after each change. The informers are still to be started. */
export function followCluster(informers: InformerFactory, domain: string, onChange: () => void): Zone {
  const namespaces = informers.informer(Namespaces);
  const zone = new Zone(domain, (name) => namespaces.lister.get(keyOf({ metadata: { name } })) !== undefined);
  namespaces.addEventHandler({ onAdd: onChange, onDelete: onChange });
  const services = informers.informer(Services);
  const slices = informers.informer(EndpointSlices);
  slices.addIndexer(SERVICE_INDEX, serviceKeysOf);
  const update = (key: ObjectKey): void => {
    const service = services.lister.get(key);
    const own = service === undefined ? [] : slices.lister.byIndex(SERVICE_INDEX, key);
    zone.set(key, service === undefined ? [] : recordsOf(service, own, domain));
    onChange();
  };
  /** Endpoints show in the names of headless services alone. */
  const updateHeadless = (slice: EndpointSlice): void => {
    for (const key of serviceKeysOf(slice)) {
      if (services.lister.get(key)?.spec?.clusterIP === "None") update(key);
    }
  };
  services.addEventHandler({
    onAdd: (service) => update(keyOf(service)),
    onUpdate: (service) => update(keyOf(service)),
    onDelete: (service) => update(keyOf(service)),
  });
  slices.addEventHandler({
    onAdd: updateHeadless,
    onUpdate: (slice, old) => {
      updateHeadless(slice);
      if (serviceKeysOf(old).join() !== serviceKeysOf(slice).join()) updateHeadless(old);
    },
    onDelete: updateHeadless,
  });
  return zone;
}
