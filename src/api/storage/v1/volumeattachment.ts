/** VolumeAttachment asks that a volume be attached to a node. @module */
import type { Kind } from "#apimachinery";
import { keepMetadata } from "../../meta/v1/status-metadata.ts";
import { ageColumn, boolean, nameColumn, text } from "../../printing/columns.ts";
import type { VolumeAttachment } from "./types.gen.ts";
import {
  validateVolumeAttachment,
  validateVolumeAttachmentStatusUpdate,
  validateVolumeAttachmentUpdate,
} from "./volumeattachment-validation.ts";

export const VolumeAttachments: Kind<VolumeAttachment> = {
  group: "storage.k8s.io",
  version: "v1",
  kind: "VolumeAttachment",
  names: { plural: "volumeattachments", singular: "volumeattachment" },
  scope: "Cluster",
  subresources: ["status"],
  validate: validateVolumeAttachment,
  validateUpdate: validateVolumeAttachmentUpdate,
  validateStatusUpdate: validateVolumeAttachmentStatusUpdate,
  strategy: {
    allowUnconditionalUpdate: false,
    prepareForCreate: (attachment) => ({ ...attachment, status: { attached: false } }),
    prepareForStatusUpdate: keepMetadata,
  },
  columns: [
    nameColumn,
    { ...text<VolumeAttachment>("Attacher", ({ spec }) => spec.attacher), format: "name" },
    text("PV", ({ spec }) => spec.source.persistentVolumeName ?? ""),
    text("Node", ({ spec }) => spec.nodeName),
    boolean("Attached", ({ status }) => status?.attached ?? false),
    ageColumn,
  ],
};
