/** Rules for VolumeAttachments. @module */
import { byteLength, field, isDns1123Subdomain } from "#apimachinery";
import { validateInlineVolumeSpec } from "./inline-volume-validation.ts";
import { immutable, NONE, obeys, type Causes } from "../../validation/common.ts";
import { validateCsiDriverName } from "../../validation/volume-sources.ts";
import type { VolumeAttachment, VolumeAttachmentSource, VolumeError } from "./types.gen.ts";

const METADATA_BYTES_MAX = 256 * 1024;
const MESSAGE_BYTES_MAX = 1024;
const INT32_MAX = 2 ** 31 - 1;

export function validateVolumeAttachment({ spec, status }: VolumeAttachment): Causes {
  const name = spec.source.persistentVolumeName;
  return [
    ...validateCsiDriverName(spec.attacher, "spec.attacher"),
    ...validateSource(spec.source, "spec.source"),
    ...obeys(isDns1123Subdomain, spec.nodeName, "spec.nodeName"),
    ...validateMetadata(status?.attachmentMetadata, "status.attachmentMetadata"),
    ...validateError(status?.attachError, "status.attachError"),
    ...validateError(status?.detachError, "status.detachError"),
    ...(name === undefined ? NONE : obeys(isDns1123Subdomain, name, "spec.source.persistentVolumeName")),
  ];
}

function validateSource(
  { persistentVolumeName: name, inlineVolumeSpec: inline }: VolumeAttachmentSource,
  path: string,
): Causes {
  const exactlyOne = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  if (name === undefined && inline === undefined) return [field.required(path, exactlyOne)];
  if (name !== undefined && inline !== undefined) return [field.forbidden(path, exactlyOne)];
  if (inline !== undefined) return validateInlineVolumeSpec(inline, field.child(path, "inlineVolumeSpec"));
  if (name !== "") return NONE;
  return [
    field.required(field.child(path, "persistentVolumeName"), "must specify non empty persistentVolumeName"),
  ];
}

function validateMetadata(metadata: Readonly<Record<string, string>> = {}, path: string): Causes {
  const size = Object.entries(metadata).reduce(
    (sum, [key, value]) => sum + byteLength(key) + byteLength(value),
    0,
  );
  return size > METADATA_BYTES_MAX ? [field.tooLong(path, METADATA_BYTES_MAX)] : NONE;
}

function validateError(error: VolumeError | undefined, path: string): Causes {
  const { message = "", errorCode = 0 } = error ?? {};
  const codePath = field.child(path, "errorCode");
  return [
    // Upstream's message names the other limit.
    ...(byteLength(message) > MESSAGE_BYTES_MAX
      ? [field.tooLong(field.child(path, "message"), METADATA_BYTES_MAX)]
      : NONE),
    ...(errorCode < 0
      ? [field.invalid(codePath, errorCode, `must be between 0 and ${INT32_MAX}, inclusive`)]
      : NONE),
  ];
}

export function validateVolumeAttachmentUpdate(attachment: VolumeAttachment, old: VolumeAttachment): Causes {
  return immutable(attachment.spec, old.spec, "spec");
}

export function validateVolumeAttachmentStatusUpdate(
  attachment: VolumeAttachment,
  old: VolumeAttachment,
): Causes {
  return [...validateVolumeAttachment(attachment), ...validateVolumeAttachmentUpdate(attachment, old)];
}
