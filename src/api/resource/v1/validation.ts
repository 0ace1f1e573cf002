/** Rules for claims and slices of devices: names, and what may not change. @module */
import { field, isDns1123Label, isDns1123Subdomain } from "#apimachinery";
import { duplicates, each, immutable, NONE, requiredName, type Causes } from "../../validation/common.ts";
import type { DeviceClaim, ResourceClaim, ResourceClaimTemplate, ResourceSlice } from "./types.gen.ts";

const REQUESTS_MAX = 32;
const DEVICES_MAX = 128;

export function validateResourceClaim({ spec }: ResourceClaim): Causes {
  return validateDevices(spec.devices, "spec.devices");
}

export function validateResourceClaimUpdate(claim: ResourceClaim, old: ResourceClaim): Causes {
  return immutable(claim.spec, old.spec, "spec");
}

export function validateResourceClaimTemplate({ spec }: ResourceClaimTemplate): Causes {
  return validateDevices(spec.spec.devices, "spec.spec.devices");
}

export function validateResourceClaimTemplateUpdate(
  template: ResourceClaimTemplate,
  old: ResourceClaimTemplate,
): Causes {
  return immutable(template.spec, old.spec, "spec");
}

function validateDevices(devices: DeviceClaim | undefined, path: string): Causes {
  const requests = devices?.requests ?? [];
  const at = field.child(path, "requests");
  return [
    ...(requests.length > REQUESTS_MAX ? [field.tooMany(at, requests.length, REQUESTS_MAX)] : NONE),
    ...each(requests, at, ({ name, exactly, firstAvailable = [] }, p) => {
      const both = exactly !== undefined && firstAvailable.length > 0;
      const neither = exactly === undefined && firstAvailable.length === 0;
      return [
        ...requiredName(isDns1123Label, name, field.child(p, "name")),
        ...(both
          ? [field.invalid(p, name, "exactly one of `exactly` or `firstAvailable` must be specified")]
          : NONE),
        ...(neither ? [field.required(p, "exactly one of `exactly` or `firstAvailable` is required")] : NONE),
        ...(exactly === undefined
          ? NONE
          : requiredName(
              isDns1123Subdomain,
              exactly.deviceClassName,
              field.child(p, "exactly", "deviceClassName"),
            )),
      ];
    }),
    ...duplicates(
      requests,
      (request) => request.name,
      (i) => field.child(field.index(at, i), "name"),
    ),
  ];
}

export function validateResourceSlice({ spec }: ResourceSlice): Causes {
  const places = [spec.nodeName, spec.nodeSelector, spec.allNodes, spec.perDeviceNodeSelection].filter(
    Boolean,
  ).length;
  const message =
    "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
  const count = spec.devices?.length ?? 0;
  return [
    ...requiredName(isDns1123Subdomain, spec.driver.toLowerCase(), "spec.driver"),
    ...(spec.pool.name === "" ? [field.required("spec.pool.name")] : NONE),
    ...(places === 1 ? NONE : [field.required("spec", message)]),
    ...(count > DEVICES_MAX ? [field.tooMany("spec.devices", count, DEVICES_MAX)] : NONE),
    ...each(spec.devices, "spec.devices", ({ name }, at) =>
      requiredName(isDns1123Label, name, field.child(at, "name")),
    ),
  ];
}
