/** MutatingWebhookConfiguration lists webhooks that may change requests. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, integer, nameColumn } from "../../printing/columns.ts";
import { validateWebhookConfiguration } from "./webhook-validation.ts";
import type { MutatingWebhookConfiguration } from "./types.gen.ts";

export const MutatingWebhookConfigurations: Kind<MutatingWebhookConfiguration> = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "MutatingWebhookConfiguration",
  names: {
    plural: "mutatingwebhookconfigurations",
    singular: "mutatingwebhookconfiguration",
    categories: ["api-extensions"],
  },
  scope: "Cluster",
  subresources: [],
  validate: validateWebhookConfiguration,
  strategy: { allowUnconditionalUpdate: false },
  columns: [nameColumn, integer("Webhooks", (c) => c.webhooks?.length ?? 0), ageColumn],
};
