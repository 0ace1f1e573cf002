/** CSINode lists the storage drivers of a node. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, integer, nameColumn } from "../../printing/columns.ts";
import type { CSINode } from "./types.gen.ts";
import { validateCSINode, validateCSINodeUpdate } from "./csinode-validation.ts";

export const CSINodes: Kind<CSINode> = {
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSINode",
  names: { plural: "csinodes", singular: "csinode" },
  scope: "Cluster",
  subresources: [],
  validate: validateCSINode,
  validateUpdate: validateCSINodeUpdate,
  strategy: { allowUnconditionalUpdate: false },
  columns: [nameColumn, integer("Drivers", (node) => node.spec.drivers.length), ageColumn],
};
