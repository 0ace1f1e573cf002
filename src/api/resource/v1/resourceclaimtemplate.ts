/** ResourceClaimTemplate makes a claim of devices for each pod that names it. @module */
import type { Kind } from "#apimachinery";
import { nameAndAge } from "../../printing/columns.ts";
import type { ResourceClaimTemplate } from "./types.gen.ts";
import { validateResourceClaimTemplate, validateResourceClaimTemplateUpdate } from "./validation.ts";

export const ResourceClaimTemplates: Kind<ResourceClaimTemplate> = {
  group: "resource.k8s.io",
  version: "v1",
  kind: "ResourceClaimTemplate",
  names: { plural: "resourceclaimtemplates", singular: "resourceclaimtemplate" },
  scope: "Namespaced",
  subresources: [],
  validate: validateResourceClaimTemplate,
  validateUpdate: validateResourceClaimTemplateUpdate,
  columns: nameAndAge,
};
