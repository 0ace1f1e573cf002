/** Rules for IPAddresses: the name is the address, in canonical form. @module */
import { field, isDns1123Subdomain, isPathSegmentName } from "#apimachinery";
import { immutable, NONE, obeys, requiredName, type Causes } from "../../validation/common.ts";
import { validIp } from "../../validation/ip.ts";
import type { IPAddress } from "./types.gen.ts";

export function validateIPAddress({ metadata, spec }: IPAddress): Causes {
  const parent = spec?.parentRef;
  const path = "spec.parentRef";
  return [
    ...validIp(metadata.name, "metadata.name"),
    ...(parent === undefined
      ? [field.required(path)]
      : [
          ...(parent.group ? obeys(isDns1123Subdomain, parent.group, `${path}.group`) : NONE),
          ...requiredName(isPathSegmentName, parent.resource, `${path}.resource`),
          ...requiredName(isPathSegmentName, parent.name, `${path}.name`),
          ...(parent.namespace ? obeys(isPathSegmentName, parent.namespace, `${path}.namespace`) : NONE),
        ]),
  ];
}

export function validateIPAddressUpdate(ip: IPAddress, old: IPAddress): Causes {
  return immutable(ip.spec?.parentRef, old.spec?.parentRef, "spec.parentRef");
}
