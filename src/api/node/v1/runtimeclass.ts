/** RuntimeClass names a way to run containers. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import type { RuntimeClass } from "./types.gen.ts";
import { runtimeClassWarnings, validateRuntimeClass, validateRuntimeClassUpdate } from "./validation.ts";

export const RuntimeClasses: Kind<RuntimeClass> = {
  group: "node.k8s.io",
  version: "v1",
  kind: "RuntimeClass",
  names: { plural: "runtimeclasses", singular: "runtimeclass" },
  scope: "Cluster",
  subresources: [],
  validate: validateRuntimeClass,
  validateUpdate: validateRuntimeClassUpdate,
  strategy: { allowCreateOnUpdate: true, allowUnconditionalUpdate: false, warnings: runtimeClassWarnings },
  columns: [nameColumn, text("Handler", (rc) => rc.handler), ageColumn],
};
