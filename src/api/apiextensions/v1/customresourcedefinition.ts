/** CustomResourceDefinition adds a kind to the API. @module */
import type { Kind } from "#apimachinery";
import { nameColumn } from "../../printing/columns.ts";
import { defaultCustomResourceDefinition } from "./defaults.ts";
import { formatWarnings } from "./format-warnings.ts";
import type { CustomResourceDefinition } from "./types.gen.ts";
import { validateCreate, validateCustomResourceDefinition, validateUpdate } from "./validation.ts";

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
  validateCreate,
  validateUpdate,
  strategy: {
    allowUnconditionalUpdate: false,
    warnings: formatWarnings,
    prepareForCreate: (crd) => ({
      ...crd,
      status: {
        conditions: [],
        acceptedNames: { plural: "", kind: "" },
        storedVersions: storedVersions(crd, []),
      },
    }),
    prepareForUpdate: (crd, old) => ({
      ...crd,
      status: { ...old.status, storedVersions: storedVersions(crd, old.status?.storedVersions ?? []) },
    }),
  },
  columns: [nameColumn, { name: "Created At", type: "date", value: (crd) => crd.metadata.creationTimestamp }],
};

/** Every version that objects may be stored in: what was, and what the spec says now. */
function storedVersions(crd: CustomResourceDefinition, before: readonly string[]): readonly string[] {
  const now = crd.spec.versions.filter((version) => version.storage).map((version) => version.name);
  return [...new Set([...before, ...now])];
}
