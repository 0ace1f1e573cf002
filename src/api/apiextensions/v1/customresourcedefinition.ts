/** CustomResourceDefinition adds a kind to the API. @module */
import type { Kind } from "#apimachinery";
import { nameColumn } from "../../printing/columns.ts";
import { defaultCustomResourceDefinition } from "./defaults.ts";
import type { CustomResourceDefinition } from "./types.gen.ts";
import { validateCustomResourceDefinition } from "./validation.ts";

export const CustomResourceDefinitions: Kind<CustomResourceDefinition> = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  names: {
    plural: "customresourcedefinitions",
    singular: "customresourcedefinition",
    short: ["crd", "crds"],
    categories: ["api-extensions"],
  },
  scope: "Cluster",
  subresources: ["status"],
  defaults: defaultCustomResourceDefinition,
  validate: validateCustomResourceDefinition,
  strategy: { allowUnconditionalUpdate: false },
  columns: [nameColumn, { name: "Created At", type: "date", value: (crd) => crd.metadata.creationTimestamp }],
};
