/** Deployment replaces the pods of a service step by step when its template changes. @module */
import type { Kind } from "#apimachinery";
import {
  ageColumn,
  nameColumn,
  selectorString,
  templateColumns,
  text,
  wide,
} from "../../printing/columns.ts";
import { templateStrategy } from "../../core/v1/template-strategy.ts";
import { defaultDeployment } from "./defaults.ts";
import {
  validateDeployment,
  validateDeploymentStatusUpdate,
  validateDeploymentUpdate,
} from "./deployment-validation.ts";
import type { Deployment } from "./types.gen.ts";

export const Deployments: Kind<Deployment> = {
  group: "apps",
  version: "v1",
  kind: "Deployment",
  names: { plural: "deployments", singular: "deployment", short: ["deploy"], categories: ["all"] },
  scope: "Namespaced",
  subresources: ["status", "scale"],
  defaults: defaultDeployment,
  validate: validateDeployment,
  validateUpdate: validateDeploymentUpdate,
  validateStatusUpdate: validateDeploymentStatusUpdate,
  strategy: {
    ...templateStrategy<Deployment>({
      path: "spec.template",
      of: (object) => object.spec?.template,
      into: (object, template) => ({ ...object, spec: { ...object.spec!, template } }),
      warnsOfName: true,
    }),
    prepareForStatusUpdate: keepLabels,
  },
  columns: [
    nameColumn,
    text("Ready", (d) => `${d.status?.readyReplicas ?? 0}/${d.spec?.replicas ?? 0}`),
    text("Up-to-date", (d) => d.status?.updatedReplicas ?? 0),
    text("Available", (d) => d.status?.availableReplicas ?? 0),
    ageColumn,
    ...templateColumns<Deployment>((d) => d.spec?.template.spec?.containers),
    wide("Selector", (d) => (d.spec === undefined ? "" : selectorString(d.spec.selector))),
  ],
};

/** Writers of the status do not label. */
function keepLabels(deployment: Deployment, old: Deployment): Deployment {
  const { labels: _labels, ...metadata } = deployment.metadata;
  const { labels } = old.metadata;
  return { ...deployment, metadata: { ...metadata, ...(labels !== undefined && { labels }) } };
}
