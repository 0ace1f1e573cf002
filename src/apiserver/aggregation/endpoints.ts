/** Who is behind a port of a Service, by its EndpointSlices. Pure. @module */
import { StatusError } from "#apimachinery";
import type { Service } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import type { ObjectLookup } from "../admission/object-lookup.ts";
import type { Address } from "../admission/webhook/target.ts";
import type { ServiceTarget } from "./api-service.ts";

const SERVICE_NAME_LABEL = "kubernetes.io/service-name";

export function findService(lookup: ObjectLookup, { namespace, name }: ServiceTarget): Service | undefined {
  return lookup.get("core/services", namespace, name) as Service | undefined;
}

export function slicesOf(lookup: ObjectLookup, { namespace, name }: ServiceTarget): readonly EndpointSlice[] {
  const all = lookup.list("discovery.k8s.io/endpointslices", namespace) as readonly EndpointSlice[];
  return all.filter(({ metadata }) => metadata.labels?.[SERVICE_NAME_LABEL] === name);
}

/** The name of the Service a slice belongs to. */
export function serviceNameOf(slice: Pick<EndpointSlice, "metadata">): string | undefined {
  return slice.metadata.labels?.[SERVICE_NAME_LABEL];
}

/** Every address that takes requests for the port of that name. */
export function readyAddresses(slices: readonly EndpointSlice[], portName: string): readonly Address[] {
  return slices.flatMap(({ endpoints = [], ports = [] }) => {
    const port = ports.find(({ name = "" }) => name === portName)?.port;
    if (port === undefined) return [];
    return endpoints
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses.map((host) => ({ host, port })));
  });
}

/** Straight to one of the endpoints: the server need not be on a machine that knows the addresses of Services. Throws ServiceUnavailable. */
export function resolveEndpoint(
  lookup: ObjectLookup,
  random: () => number,
): (namespace: string, name: string, port: number) => Address {
  return (namespace, name, port) => {
    const target = { namespace, name, port };
    const service = findService(lookup, target);
    if (service === undefined) {
      throw new StatusError("NotFound", `service ${JSON.stringify(name)} not found`);
    }
    const { externalName = "", ports = [], type } = service.spec ?? {};
    if (type === "ExternalName") return { host: externalName, port };
    const found = ports.find((candidate) => candidate.port === port);
    if (found === undefined) {
      throw new StatusError(
        "ServiceUnavailable",
        `no service port ${port} found for service ${JSON.stringify(name)}`,
      );
    }
    const addresses = readyAddresses(slicesOf(lookup, target), found.name ?? "");
    const chosen = addresses[Math.floor(random() * addresses.length)];
    if (chosen !== undefined) return chosen;
    throw new StatusError("ServiceUnavailable", `no endpoints available for service ${JSON.stringify(name)}`);
  };
}
