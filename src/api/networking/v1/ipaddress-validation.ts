/** Rules for IPAddresses: the name is the address, in canonical form. @module */
import { field, isDns1123Subdomain, isPathSegmentName } from "#apimachinery";
import { NONE, obeys, requiredName, type Causes } from "../../validation/common.ts";
import { validIp } from "../../validation/ip.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import type { IPAddress, ParentReference } from "./types.gen.ts";

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
  const [now, before] = [ip.spec?.parentRef, old.spec?.parentRef];
  if (semanticEqual(now, before)) return NONE;
  return [field.invalid("spec.parentRef", shown(now), field.IMMUTABLE_MESSAGE)];
}

/** As upstream's messages show it. */
function shown(ref: ParentReference | undefined): unknown {
  if (ref === undefined) return undefined;
  const { group = "", resource, namespace = "", name } = ref;
  return { Group: group, Resource: resource, Namespace: namespace, Name: name };
}
