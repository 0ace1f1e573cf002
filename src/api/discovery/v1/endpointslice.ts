/** EndpointSlice lists some of the addresses behind a service. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, listWithMore, nameColumn, text } from "../../printing/columns.ts";
import { endpointSliceWarnings, prepareForCreate, prepareForUpdate } from "./endpointslice-strategy.ts";
import type { EndpointSlice } from "./types.gen.ts";
import { validateEndpointSlice, validateEndpointSliceUpdate } from "./validation.ts";

const SHOWN_MAX = 3;

export const EndpointSlices: Kind<EndpointSlice> = {
  group: "discovery.k8s.io",
  version: "v1",
  kind: "EndpointSlice",
  names: { plural: "endpointslices", singular: "endpointslice" },
  scope: "Namespaced",
  subresources: [],
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
  strategy: { prepareForCreate, prepareForUpdate, warnings: endpointSliceWarnings },
  columns: [
    nameColumn,
    text("AddressType", (slice) => slice.addressType),
    text("Ports", (slice) =>
      listWithMore(
        (slice.ports ?? []).map((p) => String(p.port ?? p.name ?? "*")),
        SHOWN_MAX,
      ),
    ),
    text("Endpoints", (slice) =>
      listWithMore(
        (slice.endpoints ?? []).flatMap((e) => e.addresses),
        SHOWN_MAX,
      ),
    ),
    ageColumn,
  ],
};
