/** Keeps the zone in step with Services, EndpointSlices and Namespaces. @module */
import { Namespaces } from "#api/core/v1/namespace";
import { Services } from "#api/core/v1/service";
import type { Service } from "#api/core/v1/types.gen";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { serviceKeysOf } from "#api/discovery/v1/service-keys";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { keyOf } from "#apimachinery";
import type { InformerFactory } from "#client";
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
  const set = (service: Service): void => {
    zone.setService(service, () => slices.lister.byIndex(SERVICE_INDEX, keyOf(service)));
    onChange();
  };
  services.addEventHandler({
    onAdd: set,
    onUpdate: set,
    onDelete(service) {
      zone.deleteService(keyOf(service));
      onChange();
    },
  });
  /** Endpoints show in the names of headless services alone. */
  const tell = (slice: EndpointSlice, now: EndpointSlice | undefined): void => {
    for (const key of serviceKeysOf(slice)) if (zone.setSlice(key, keyOf(slice), now)) onChange();
  };
  slices.addEventHandler({
    onAdd: (slice) => tell(slice, slice),
    onUpdate(slice, old) {
      if (serviceKeysOf(old).join() !== serviceKeysOf(slice).join()) tell(old, undefined);
      tell(slice, slice);
    },
    onDelete: (slice) => tell(slice, undefined),
  });
  return zone;
}
