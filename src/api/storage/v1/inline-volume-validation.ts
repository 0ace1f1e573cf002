/** Rules for the volume that an attachment carries in itself: one of CSI, and of no claim. @module */
import { field, isDns1123Subdomain } from "#apimachinery";
import { validatePersistentSource } from "../../core/v1/persistentvolume-sources.ts";
import type { PersistentVolumeSpec } from "../../core/v1/types.gen.ts";
import { validateAccessModes } from "../../validation/claim-spec.ts";
import { NONE, obeys, type Causes } from "../../validation/common.ts";

const NOT_INLINE = "may not be specified in the context of inline volumes";

export function validateInlineVolumeSpec(spec: PersistentVolumeSpec, path: string): Causes {
  const at = (name: string): string => field.child(path, name);
  const { persistentVolumeReclaimPolicy: policy, volumeMode, volumeAttributesClassName: attributes } = spec;
  const forbidden = (isThere: boolean, name: string, message = NOT_INLINE): Causes =>
    isThere ? [field.forbidden(at(name), message)] : NONE;
  return [
    ...forbidden(spec.claimRef !== undefined, "claimRef"),
    ...forbidden(Object.keys(spec.capacity ?? {}).length > 0, "capacity"),
    ...(spec.csi === undefined
      ? [field.required(at("csi"), "has to be specified in the context of inline volumes")]
      : NONE),
    ...((spec.accessModes?.length ?? 0) === 0 ? [field.required(at("accessModes"))] : NONE),
    ...validateAccessModes(spec.accessModes, at("accessModes")),
    ...forbidden(
      Boolean(policy) && policy !== "Retain",
      "persistentVolumeReclaimPolicy",
      "may only be Retain in the context of inline volumes",
    ),
    ...forbidden(spec.nodeAffinity !== undefined, "nodeAffinity"),
    ...validatePersistentSource(spec, "").map((cause) => ({
      ...cause,
      field: cause.field.replace(/^spec\b/, path),
    })),
    ...forbidden(Boolean(spec.storageClassName), "storageClassName"),
    ...forbidden(
      volumeMode !== undefined && volumeMode !== "Filesystem",
      "volumeMode",
      "may not specify volumeMode other than Filesystem in the context of inline volumes",
    ),
    ...(attributes === undefined
      ? NONE
      : attributes === ""
        ? [field.required(at("volumeAttributesClassName"), "an empty string is disallowed")]
        : obeys(isDns1123Subdomain, attributes, at("volumeAttributesClassName"))),
  ];
}
