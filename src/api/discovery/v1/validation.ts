/** Rules for EndpointSlices. @module */
import {
  field,
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isQualifiedName,
  validateLabels,
} from "#apimachinery";
import { each, immutable, NONE, obeys, oneOf, requiredOneOf, type Causes } from "../../validation/common.ts";
import { validateEndpointIp } from "../../validation/endpoint-ip.ts";
import { validIp, validIpLegacy } from "../../validation/ip.ts";
import { validateQualifiedDomain } from "../../validation/references.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import type { Endpoint, EndpointHints, EndpointPort, EndpointSlice } from "./types.gen.ts";

const TOPOLOGY_LABELS_MAX = 16;
const ADDRESSES_MAX = 100;
const PORTS_MAX = 20_000;
const ENDPOINTS_MAX = 1000;
const HINTS_MAX = 8;

/** Endpoints that do not change are not judged again. */
export function validateEndpointSlice(
  { addressType, ports, endpoints }: EndpointSlice,
  old?: EndpointSlice,
): Causes {
  const isKept = old !== undefined && semanticEqual(old.endpoints, endpoints);
  return [
    ...requiredOneOf(addressType, ["FQDN", "IPv4", "IPv6"], "addressType"),
    ...validatePorts(ports ?? [], "ports"),
    ...(isKept ? NONE : validateEndpoints(endpoints ?? [], addressType, "endpoints")),
  ];
}

export function validateEndpointSliceUpdate(slice: EndpointSlice, old: EndpointSlice): Causes {
  return immutable(slice.addressType, old.addressType, "addressType");
}

function validatePorts(ports: readonly EndpointPort[], path: string): Causes {
  if (ports.length > PORTS_MAX) return [field.tooMany(path, ports.length, PORTS_MAX)];
  const seen = new Set<string>();
  return each(ports, path, ({ name = "", protocol, appProtocol }, at) => {
    const namePath = field.child(at, "name");
    const repeated = seen.has(name);
    seen.add(name);
    return [
      ...(name === "" ? NONE : obeys(isDns1123Label, name, namePath)),
      ...(repeated ? [field.duplicate(namePath, name)] : NONE),
      ...(protocol === undefined
        ? [field.required(field.child(at, "protocol"))]
        : oneOf(protocol, ["SCTP", "TCP", "UDP"], field.child(at, "protocol"))),
      ...(appProtocol === undefined
        ? NONE
        : obeys(isQualifiedName, appProtocol, field.child(at, "appProtocol"))),
    ];
  });
}

function validateEndpoints(endpoints: readonly Endpoint[], type: string, path: string): Causes {
  if (endpoints.length > ENDPOINTS_MAX) return [field.tooMany(path, endpoints.length, ENDPOINTS_MAX)];
  return each(endpoints, path, (endpoint, at) => {
    const { addresses, nodeName, hostname, hints, deprecatedTopology = {} } = endpoint;
    const addressPath = field.child(at, "addresses");
    const topologyPath = field.child(at, "deprecatedTopology");
    const labels = Object.keys(deprecatedTopology).length;
    return [
      ...(addresses.length === 0 ? [field.required(addressPath, "must contain at least 1 address")] : NONE),
      ...(addresses.length > ADDRESSES_MAX
        ? [field.tooMany(addressPath, addresses.length, ADDRESSES_MAX)]
        : NONE),
      ...each(addresses, addressPath, (address, p) => validateAddress(address, type, p, addressPath)),
      ...(nodeName === undefined ? NONE : obeys(isDns1123Subdomain, nodeName, field.child(at, "nodeName"))),
      ...(labels > TOPOLOGY_LABELS_MAX ? [field.tooMany(topologyPath, labels, TOPOLOGY_LABELS_MAX)] : NONE),
      ...validateLabels(deprecatedTopology, topologyPath),
      ...(hostname === undefined ? NONE : obeys(isDns1123Label, hostname, field.child(at, "hostname"))),
      ...(hints === undefined ? NONE : validateHints(hints, field.child(at, "hints"))),
    ];
  });
}

function validateAddress(address: string, type: string, path: string, listPath: string): Causes {
  if (type === "FQDN") return validateQualifiedDomain(address, 2, path);
  if (type !== "IPv4" && type !== "IPv6") return NONE;
  const causes = type === "IPv4" ? validIpLegacy(address, path) : validIp(address, path);
  if (causes.length > 0) return causes;
  const isV6 = address.includes(":");
  return [
    ...(isV6 === (type === "IPv6") ? NONE : [field.invalid(listPath, address, `must be an ${type} address`)]),
    ...validateEndpointIp(address, path),
  ];
}

function validateHints({ forZones = [], forNodes = [] }: EndpointHints, path: string): Causes {
  // Too many of the first hide what is wrong with the second.
  if (forZones.length > HINTS_MAX) {
    return [field.tooMany(field.child(path, "forZones"), forZones.length, HINTS_MAX)];
  }
  return [
    ...validateHintList(forZones, field.child(path, "forZones"), isLabelValue),
    ...validateHintList(forNodes, field.child(path, "forNodes"), isDns1123Subdomain),
  ];
}

const validateHintList = (
  items: readonly { readonly name: string }[],
  at: string,
  rule: (value: string) => readonly string[],
): Causes => {
  if (items.length > HINTS_MAX) return [field.tooMany(at, items.length, HINTS_MAX)];
  return each(items, at, ({ name }, p, i) => [
    ...(items.findIndex((item) => item.name === name) < i
      ? [field.duplicate(field.child(p, "name"), name)]
      : NONE),
    ...obeys(rule, name, field.child(p, "name")),
  ]);
};
