/** PodTemplate is a template for pods that stands alone. @module */
import type { Kind } from "#apimachinery";
import { formatLabels, nameColumn, text } from "../../printing/columns.ts";
import { validatePodTemplate } from "./podtemplate-validation.ts";
import { templateStrategy } from "./template-strategy.ts";
import type { PodTemplate } from "./types.gen.ts";

export const PodTemplates: Kind<PodTemplate> = {
  group: "",
  version: "v1",
  kind: "PodTemplate",
  names: { plural: "podtemplates", singular: "podtemplate" },
  scope: "Namespaced",
  subresources: [],
  validate: validatePodTemplate,
  strategy: templateStrategy<PodTemplate>({
    path: "template",
    of: (object) => object.template,
    into: (object, template) => ({ ...object, template }),
  }),
  columns: [
    nameColumn,
    text("Containers", (pt) => (pt.template?.spec?.containers ?? []).map((c) => c.name).join(",")),
    text("Images", (pt) => (pt.template?.spec?.containers ?? []).map((c) => c.image ?? "").join(",")),
    text("Pod Labels", (pt) => formatLabels(pt.template?.metadata?.labels)),
  ],
};
