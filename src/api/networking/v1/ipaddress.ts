/** IPAddress is one allocated cluster IP. @module */
import type { Kind } from "#apimachinery";
import { nameColumn, text } from "../../printing/columns.ts";
import { validateIPAddress, validateIPAddressUpdate } from "./ipaddress-validation.ts";
import type { IPAddress } from "./types.gen.ts";

export const IPAddresses: Kind<IPAddress> = {
  group: "networking.k8s.io",
  version: "v1",
  kind: "IPAddress",
  names: { plural: "ipaddresses", singular: "ipaddress", short: ["ip"] },
  scope: "Cluster",
  subresources: [],
  // Names are addresses, IPv6 among them; the validation demands the canonical form.
  nameRule: "path-segment",
  validate: validateIPAddress,
  validateUpdate: validateIPAddressUpdate,
  columns: [nameColumn, text("ParentRef", parentRef)],
};

function parentRef({ spec }: IPAddress): string {
  const ref = spec?.parentRef;
  if (ref === undefined) return "<none>";
  const resource = ref.group ? `${ref.resource}.${ref.group}` : ref.resource;
  const namespace = ref.namespace ? `/${ref.namespace}` : "";
  return `${resource.toLowerCase()}${namespace}/${ref.name}`;
}
