/** Rules for claims, their templates, and classes of devices. @module */
import { field, validateAnnotations, validateLabels } from "#apimachinery";
import { all, immutable, NONE, type Causes } from "../../validation/common.ts";
import { isExtendedResource } from "../../validation/resources.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { validateSlice } from "./bounded-lists.ts";
import { CONFIG_MAX, validateDeviceClaim } from "./device-claim-validation.ts";
import { validateConfiguration, validateSelectors } from "./device-configuration-validation.ts";
import type { DeviceClass, ResourceClaim, ResourceClaimTemplate } from "./types.gen.ts";

export function validateResourceClaimCreate({ spec }: ResourceClaim): Causes {
  return validateDeviceClaim(spec.devices, "spec.devices");
}

export function validateResourceClaimUpdate(claim: ResourceClaim, old: ResourceClaim): Causes {
  return immutable(claim.spec, old.spec, "spec");
}

export function validateResourceClaimTemplate({ spec }: ResourceClaimTemplate): Causes {
  return all(
    validateTemplateMetadata(spec.metadata ?? {}, "spec.metadata"),
    validateDeviceClaim(spec.spec.devices, "spec.spec.devices"),
  );
}

/** Claims that are made from it take labels and annotations, nothing else. */
function validateTemplateMetadata(
  metadata: NonNullable<ResourceClaimTemplate["spec"]["metadata"]>,
  path: string,
): Causes {
  const { annotations, labels, ...others } = metadata;
  return all(
    validateAnnotations(annotations, field.child(path, "annotations")),
    validateLabels(labels, field.child(path, "labels")),
    Object.entries(others).flatMap(([name, value]) =>
      value === undefined || value === "" || value === null
        ? []
        : // Upstream lowers the first letter of Go's name.
          [field.forbidden(field.child(path, name === "uid" ? "uID" : name), "cannot be set")],
    ),
  );
}

export function validateResourceClaimTemplateUpdate(
  template: ResourceClaimTemplate,
  old: ResourceClaimTemplate,
): Causes {
  return immutable(template.spec, old.spec, "spec");
}

export function validateDeviceClass({ spec }: DeviceClass, old?: DeviceClass): Causes {
  const { selectors, config, extendedResourceName: resource } = spec;
  const isStored = old !== undefined && semanticEqual(config, old.spec.config);
  const path = "spec.extendedResourceName";
  return all(
    validateSelectors(selectors, "spec.selectors"),
    validateSlice(config, CONFIG_MAX, (item, at) => validateConfiguration(item, at, isStored), "spec.config"),
    resource === undefined || isExtendedResource(resource)
      ? NONE
      : [field.invalid(path, resource, "must be a valid extended resource name")],
  );
}
