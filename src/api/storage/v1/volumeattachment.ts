/** VolumeAttachment asks that a volume be attached to a node. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, boolean, nameColumn, text } from "../../printing/columns.ts";
import type { VolumeAttachment } from "./types.gen.ts";
import { validateVolumeAttachment, validateVolumeAttachmentUpdate } from "./validation.ts";

export const VolumeAttachments: Kind<VolumeAttachment> = {
  group: "storage.k8s.io",
  version: "v1",
  kind: "VolumeAttachment",
  names: { plural: "volumeattachments", singular: "volumeattachment" },
  scope: "Cluster",
  subresources: ["status"],
  validate: validateVolumeAttachment,
  validateUpdate: validateVolumeAttachmentUpdate,
  strategy: { allowUnconditionalUpdate: false },
  columns: [
    nameColumn,
    { ...text<VolumeAttachment>("Attacher", ({ spec }) => spec.attacher), format: "name" },
    text("PV", ({ spec }) => spec.source.persistentVolumeName ?? ""),
    text("Node", ({ spec }) => spec.nodeName),
    boolean("Attached", ({ status }) => status?.attached ?? false),
    ageColumn,
  ],
};
