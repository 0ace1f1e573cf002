/** How EndpointSlices are stored: without the topology of v1beta1, and with a generation that counts labels too. @module */
import { isDns1123Subdomain } from "#apimachinery";
import { warningsForIp } from "../../validation/address-warnings.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import type { Endpoint, EndpointSlice } from "./types.gen.ts";

const HOSTNAME_LABEL = "kubernetes.io/hostname";
const MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by";
/** Their addresses come from elsewhere, where their writers are warned. */
const CONTROLLERS: readonly (string | undefined)[] = [
  "endpointslice-controller.k8s.io",
  "endpointslicemirroring-controller.k8s.io",
];

export function prepareForCreate(slice: EndpointSlice): EndpointSlice {
  return withoutTopology(slice, undefined);
}

export function prepareForUpdate(slice: EndpointSlice, old: EndpointSlice): EndpointSlice {
  const next = withoutTopology(slice, old);
  // The registry counts every change but that of labels.
  if (semanticEqual(slice.metadata.labels, old.metadata.labels) || isDesireChanged(next, old)) return next;
  const generation = (old.metadata.generation ?? 0) + 1;
  return { ...next, metadata: { ...next.metadata, generation } };
}

function isDesireChanged(slice: EndpointSlice, old: EndpointSlice): boolean {
  return (["addressType", "endpoints", "ports"] as const).some(
    (name) => !semanticEqual(slice[name], old[name]),
  );
}

/** An endpoint that was known to be on a node by its topology alone stays there. */
function withoutTopology(slice: EndpointSlice, old: EndpointSlice | undefined): EndpointSlice {
  const { endpoints } = slice;
  if (endpoints?.some((endpoint) => endpoint.deprecatedTopology !== undefined) !== true) return slice;
  if (old !== undefined && semanticEqual(old.endpoints, endpoints)) return slice;
  const known = new Set(old?.endpoints?.map(nodeOf));
  return {
    ...slice,
    endpoints: endpoints.map((endpoint) => {
      const { deprecatedTopology: _, ...rest } = endpoint;
      const nodeName = nodeOf(endpoint);
      const isKnown = nodeName !== "" && known.has(nodeName) && isDns1123Subdomain(nodeName).length === 0;
      return rest.nodeName === undefined && isKnown ? { ...rest, nodeName } : rest;
    }),
  };
}

function nodeOf({ deprecatedTopology }: Endpoint): string {
  return deprecatedTopology?.[HOSTNAME_LABEL] ?? "";
}

export function endpointSliceWarnings(
  { metadata, addressType, endpoints = [] }: EndpointSlice,
  old: EndpointSlice | undefined,
): readonly string[] {
  const isQuiet = CONTROLLERS.includes(metadata.labels?.[MANAGED_BY_LABEL]);
  return [
    ...(old === undefined && addressType === "FQDN"
      ? ["spec.addressType: FQDN endpoints are deprecated"]
      : []),
    ...(isQuiet
      ? []
      : endpoints.flatMap(({ addresses }, i) =>
          addresses.flatMap((address, j) => warningsForIp(address, `endpoints[${i}].addresses[${j}]`)),
        )),
  ];
}
