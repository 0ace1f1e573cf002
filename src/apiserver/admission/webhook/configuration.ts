/** Match conditions of a webhook configuration that do not compile are refused when they are written. @module */
import { invalid } from "#apimachinery";
import type { AdmissionPlugin } from "../plugin.ts";
import { conditionCauses } from "./match-conditions.ts";
import { MUTATING, VALIDATING, type Configuration } from "./webhook.ts";

export const webhookConfigurationCheck: AdmissionPlugin = {
  name: "WebhookMatchConditions",
  operations: ["CREATE", "UPDATE"],
  resources: [MUTATING, VALIDATING],
  validate({ object, oldObject, kind }) {
    const { webhooks = [], metadata } = object as Configuration;
    // What is stored already may stay as it is.
    const before = (oldObject as Configuration | undefined)?.webhooks ?? [];
    const stored = new Set(
      before.flatMap(({ matchConditions = [] }) => matchConditions.map(({ expression }) => expression)),
    );
    const causes = webhooks.flatMap(({ matchConditions = [] }, i) =>
      matchConditions.every(({ expression }) => stored.has(expression))
        ? []
        : conditionCauses(matchConditions, `webhooks[${i}].matchConditions`),
    );
    if (causes.length > 0) throw invalid(kind, metadata.name, causes);
  },
};
