/** Endpoints lists the addresses behind a service; EndpointSlice is its successor. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import { warningsForIp } from "../../validation/address-warnings.ts";
import { validateEndpoints } from "./endpoints-validation.ts";
import type { Endpoints as EndpointsObject } from "./types.gen.ts";

export const Endpoints: Kind<EndpointsObject> = {
  group: "",
  version: "v1",
  kind: "Endpoints",
  names: { plural: "endpoints", singular: "endpoints", short: ["ep"] },
  scope: "Namespaced",
  subresources: [],
  validate: validateEndpoints,
  strategy: { allowCreateOnUpdate: true, warnings: warningsForEndpoints },
  deprecated: {
    since: "1.33",
    replacement: { group: "discovery.k8s.io", version: "v1", kind: "EndpointSlice" },
  },
  columns: [nameColumn, text("Endpoints", formatEndpoints), ageColumn],
};

const MANAGED_BY = "endpoints.kubernetes.io/managed-by";
const CONTROLLER = "endpoint-controller";

/** The controller writes addresses as they should be. */
function warningsForEndpoints({ metadata, subsets }: EndpointsObject): readonly string[] {
  if (metadata.labels?.[MANAGED_BY] === CONTROLLER) return [];
  return (subsets ?? []).flatMap((subset, i) =>
    (["addresses", "notReadyAddresses"] as const).flatMap((list) =>
      (subset[list] ?? []).flatMap(({ ip }, k) => warningsForIp(ip, `subsets[${i}].${list}[${k}].ip`)),
    ),
  );
}

const SHOWN_MAX = 3;

function formatEndpoints(endpoints: EndpointsObject): string {
  const subsets = endpoints.subsets ?? [];
  if (subsets.length === 0) return "<none>";
  const all = subsets.flatMap((subset) => {
    const addresses = subset.addresses ?? [];
    const ports = subset.ports ?? [];
    if (ports.length === 0) return addresses.map((address) => address.ip);
    return ports.flatMap((port) => addresses.map((address) => `${bracketed(address.ip)}:${port.port}`));
  });
  const shown = all.slice(0, SHOWN_MAX).join(",");
  return all.length > SHOWN_MAX ? `${shown} + ${all.length - SHOWN_MAX} more...` : shown;
}

function bracketed(ip: string): string {
  return ip.includes(":") ? `[${ip}]` : ip;
}
