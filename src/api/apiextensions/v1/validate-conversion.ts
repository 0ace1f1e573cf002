/** How versions become each other: None, or a webhook with its address. Pure. @module */
import { field, isDns1035Label } from "#apimachinery";
import { each, NONE, requiredOneOf, type Causes } from "../../validation/common.ts";
import { validateWebhookClient } from "../../validation/webhook-client.ts";
import type { CustomResourceDefinitionSpec } from "./types.gen.ts";

const REVIEW_VERSIONS: readonly string[] = ["v1", "v1beta1"];

export function validateConversion({
  conversion,
  preserveUnknownFields,
}: CustomResourceDefinitionSpec): Causes {
  if (conversion === undefined) return NONE;
  const path = "spec.conversion";
  const { strategy, webhook } = conversion;
  const at = field.child(path, "webhookClientConfig");
  const versionsAt = field.child(path, "conversionReviewVersions");
  const causes: Causes[number][] = [];
  if (strategy !== "None" && preserveUnknownFields === true) {
    const why = "must be None if spec.preserveUnknownFields is true";
    causes.push(field.invalid(field.child(path, "strategy"), strategy, why));
  }
  causes.push(...requiredOneOf(strategy, ["None", "Webhook"], field.child(path, "strategy")));
  if (strategy === "Webhook") {
    if (webhook?.clientConfig === undefined) {
      causes.push(field.required(at, "required when strategy is set to Webhook"));
    } else causes.push(...validateWebhookClient(webhook.clientConfig, at));
    causes.push(...validateReviewVersions(webhook?.conversionReviewVersions ?? [], versionsAt));
    return causes;
  }
  const why = "should not be set when strategy is not set to Webhook";
  if (webhook?.clientConfig !== undefined) causes.push(field.forbidden(at, why));
  if ((webhook?.conversionReviewVersions ?? []).length > 0) causes.push(field.forbidden(versionsAt, why));
  return causes;
}

function validateReviewVersions(versions: readonly string[], path: string): Causes {
  if (versions.length === 0) return [field.required(path)];
  const causes = each(versions, path, (version, at, i) => {
    if (versions.indexOf(version) < i) return [field.invalid(at, version, "duplicate version")];
    return isDns1035Label(version).map((why) => field.invalid(at, version, why));
  });
  if (versions.some((version) => REVIEW_VERSIONS.includes(version))) return causes;
  return [
    ...causes,
    field.invalid(path, versions, `must include at least one of ${REVIEW_VERSIONS.join(", ")}`),
  ];
}
