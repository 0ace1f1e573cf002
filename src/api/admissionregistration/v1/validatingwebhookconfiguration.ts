/** ValidatingWebhookConfiguration lists webhooks that may refuse requests. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, integer, nameColumn } from "../../printing/columns.ts";
import { validateWebhookConfiguration } from "./webhook-validation.ts";
import type { ValidatingWebhookConfiguration } from "./types.gen.ts";

export const ValidatingWebhookConfigurations: Kind<ValidatingWebhookConfiguration> = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "ValidatingWebhookConfiguration",
  names: {
    plural: "validatingwebhookconfigurations",
    singular: "validatingwebhookconfiguration",
    categories: ["api-extensions"],
  },
  scope: "Cluster",
  subresources: [],
  validate: validateWebhookConfiguration,
  strategy: { allowUnconditionalUpdate: false },
  columns: [nameColumn, integer("Webhooks", (c) => c.webhooks?.length ?? 0), ageColumn],
};
