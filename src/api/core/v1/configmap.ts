/** ConfigMap holds configuration for pods to read. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import type { ConfigMap } from "./types.gen.ts";
import { validateConfigMap } from "./configmap-validation.ts";

export const ConfigMaps: Kind<ConfigMap> = {
  group: "",
  version: "v1",
  kind: "ConfigMap",
  names: { plural: "configmaps", singular: "configmap", short: ["cm"] },
  scope: "Namespaced",
  subresources: [],
  validate: validateConfigMap,
  columns: [
    nameColumn,
    text("Data", (cm) => Object.keys(cm.data ?? {}).length + Object.keys(cm.binaryData ?? {}).length),
    ageColumn,
  ],
};
