/** CSINode lists the storage drivers of a node. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, integer, nameColumn } from "../../printing/columns.ts";
import type { CSINode } from "./types.gen.ts";
import { validateCSINode } from "./validation.ts";

export const CSINodes: Kind<CSINode> = {
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSINode",
  names: { plural: "csinodes", singular: "csinode" },
  scope: "Cluster",
  subresources: [],
  validate: validateCSINode,
  strategy: { allowUnconditionalUpdate: false },
  columns: [nameColumn, integer("Drivers", (node) => node.spec.drivers.length), ageColumn],
};
