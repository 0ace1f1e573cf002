/** Rules for Endpoints. @module */
import { field, isDns1123Label, isDns1123Subdomain, isPortNumber, isQualifiedName } from "#apimachinery";
import { each, NONE, obeys, requiredOneOf, type Causes } from "../../validation/common.ts";
import { validateEndpointIp } from "../../validation/endpoint-ip.ts";
import { validIpLegacy } from "../../validation/ip.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { validatePortName } from "../../validation/port-name.ts";
import type { EndpointAddress, EndpointPort, Endpoints } from "./types.gen.ts";

/** Subsets that have not changed were accepted once, and are not judged again. */
export function validateEndpoints({ subsets }: Endpoints, old?: Endpoints): Causes {
  const causes = validateSubsets(subsets);
  const isUnchanged = causes.length > 0 && old !== undefined && semanticEqual(subsets, old.subsets);
  return isUnchanged ? NONE : causes;
}

function validateSubsets(subsets: Endpoints["subsets"]): Causes {
  return each(subsets, "subsets", (subset, at) => {
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
    const isEmpty = addresses.length + notReadyAddresses.length === 0;
    return [
      ...(isEmpty ? [field.required(at, "must specify `addresses` or `notReadyAddresses`")] : NONE),
      ...each(addresses, field.child(at, "addresses"), validateAddress),
      ...each(notReadyAddresses, field.child(at, "notReadyAddresses"), validateAddress),
      ...each(ports, field.child(at, "ports"), (port, p) => validatePort(port, ports.length > 1, p)),
    ];
  });
}

function validateAddress({ ip, hostname, nodeName }: EndpointAddress, path: string): Causes {
  const at = field.child(path, "ip");
  const causes = validIpLegacy(ip, at);
  return [
    ...causes,
    ...(hostname ? obeys(isDns1123Label, hostname, field.child(path, "hostname")) : NONE),
    ...(nodeName === undefined ? NONE : obeys(isDns1123Subdomain, nodeName, field.child(path, "nodeName"))),
    ...validateEndpointIp(ip, at),
  ];
}

function validatePort(
  { name = "", port, protocol, appProtocol }: EndpointPort,
  needsName: boolean,
  path: string,
): Causes {
  return [
    ...validatePortName(name, needsName, field.child(path, "name")),
    ...isPortNumber(port).map((message) => field.invalid(field.child(path, "port"), port, message)),
    ...requiredOneOf(protocol, ["SCTP", "TCP", "UDP"], field.child(path, "protocol")),
    ...(appProtocol === undefined
      ? NONE
      : obeys(isQualifiedName, appProtocol, field.child(path, "appProtocol"))),
  ];
}
