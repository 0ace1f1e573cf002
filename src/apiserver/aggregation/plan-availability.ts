/** What a Service and its endpoints say of the availability of what is behind them; upstream's order and words. Pure. @module */
import type { Service } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import type { Availability, ServiceTarget } from "./api-service.ts";
import { readyAddresses } from "./endpoints.ts";

export const PASSED: Availability = { status: "True", reason: "Passed", message: "all checks passed" };

export interface ServiceFacts {
  readonly service: Service | undefined;
  readonly slices: readonly EndpointSlice[];
}

/** Why nobody can be there; undefined: the only way to know is to ask. */
export function planAvailability(
  { namespace, name, port }: ServiceTarget,
  { service, slices }: ServiceFacts,
): Availability | undefined {
  const subject = `service/${name} in ${JSON.stringify(namespace)}`;
  if (service === undefined) return no("ServiceNotFound", `${subject} is not present`);
  if ((service.spec?.type ?? "ClusterIP") !== "ClusterIP") return undefined;
  const found = service.spec?.ports?.find((candidate) => candidate.port === port);
  if (found === undefined) return no("ServicePortError", `${subject} is not listening on port ${port}`);
  if (slices.length === 0) return no("EndpointsNotFound", `cannot find endpointslices for ${subject}`);
  const portName = found.name ?? "";
  if (readyAddresses(slices, portName).length > 0) return undefined;
  return no(
    "MissingEndpoints",
    `endpointslices for ${subject} have no addresses with port name ${JSON.stringify(portName)}`,
  );
}

/** Looking failed: nothing is known. */
export function accessError(
  reason: "ServiceAccessError" | "EndpointsAccessError",
  { namespace, name }: ServiceTarget,
  why: string,
): Availability {
  const message = `service/${name} in ${JSON.stringify(namespace)} cannot be checked due to: ${why}`;
  return { status: "Unknown", reason, message };
}

export function failedDiscovery(message: string): Availability {
  return no("FailedDiscoveryCheck", message);
}

function no(reason: string, message: string): Availability {
  return { status: "False", reason, message };
}
