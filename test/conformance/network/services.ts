/** Services of a test, and what the controllers make of them. @module */
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";
import type { ConformanceContext } from "../harness/index.ts";

const SERVICE_NAME = "kubernetes.io/service-name";

export function newService(
  t: ConformanceContext,
  name: string,
  spec: ServiceSpec,
  labels: Readonly<Record<string, string>> = {},
): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: t.namespace, labels }, spec };
}

/** The slices of a Service, once they fit. */
export function untilSlices(
  t: ConformanceContext,
  what: string,
  service: string,
  fits: (slices: readonly EndpointSlice[]) => boolean,
): Promise<readonly EndpointSlice[]> {
  return t.untilList(what, EndpointSlices, (all) => {
    const ours = all.filter(({ metadata }) => metadata.labels?.[SERVICE_NAME] === service);
    return fits(ours) && ours;
  });
}

/** `address:port` of all ready endpoints, with the port's name before it if it has one; sorted. */
export function readyOf(slices: readonly EndpointSlice[]): readonly string[] {
  return slices
    .flatMap(({ endpoints = [], ports = [] }) =>
      (endpoints ?? [])
        .filter(({ conditions }) => conditions?.ready !== false)
        .flatMap(({ addresses }) =>
          addresses.flatMap((ip) =>
            (ports ?? []).map(({ name = "", port }) => `${name && `${name}=`}${ip}:${port}`),
          ),
        ),
    )
    .toSorted();
}
