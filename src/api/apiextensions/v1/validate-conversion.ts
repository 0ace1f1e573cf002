/** How versions become each other: None, or a webhook with its address. Pure. @module */
import { field, isDns1035Label } from "#apimachinery";
import { each, NONE, requiredOneOf, type Causes } from "../../validation/common.ts";
import type { CustomResourceDefinitionSpec, WebhookClientConfig } from "./types.gen.ts";

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
    } else causes.push(...validateClient(webhook.clientConfig, at));
    causes.push(...validateReviewVersions(webhook?.conversionReviewVersions ?? [], versionsAt));
    return causes;
  }
  const why = "should not be set when strategy is not set to Webhook";
  if (webhook?.clientConfig !== undefined) causes.push(field.forbidden(at, why));
  if ((webhook?.conversionReviewVersions ?? []).length > 0) causes.push(field.forbidden(versionsAt, why));
  return causes;
}

function validateClient({ url, service }: WebhookClientConfig, path: string): Causes {
  if ((url === undefined) === (service === undefined)) {
    return [field.required(path, "exactly one of url or service is required")];
  }
  if (url !== undefined) return validateUrl(url, field.child(path, "url"));
  const at = field.child(path, "service");
  const { name, namespace, path: urlPath, port } = service!;
  return [
    ...(name === "" ? [field.required(field.child(at, "name"), "service name is required")] : NONE),
    ...(namespace === ""
      ? [field.required(field.child(at, "namespace"), "service namespace is required")]
      : NONE),
    ...(port !== undefined && (port < 1 || port > 65_535)
      ? [
          field.invalid(
            field.child(at, "port"),
            port,
            "port is not valid: must be between 1 and 65535, inclusive",
          ),
        ]
      : NONE),
    ...(urlPath !== undefined && urlPath !== "" && !urlPath.startsWith("/")
      ? [field.invalid(field.child(at, "path"), urlPath, "must start with a '/'")]
      : NONE),
  ];
}

function validateUrl(text: string, path: string): Causes {
  const form = "; desired format: https://host[/path]";
  if (!URL.canParse(text)) return [field.required(path, `url must be a valid URL: ${text}${form}`)];
  const url = new URL(text);
  const refuse = (value: string, why: string): Causes[number] => field.invalid(path, value, why + form);
  return [
    ...(url.protocol === "https:"
      ? NONE
      : [refuse(url.protocol.slice(0, -1), "'https' is the only allowed URL scheme")]),
    ...(url.host === "" ? [refuse(url.host, "host must be specified")] : NONE),
    ...(url.username === "" && url.password === ""
      ? NONE
      : [refuse(url.username, "user information is not permitted in the URL")]),
    ...(url.hash === "" ? NONE : [refuse(url.hash.slice(1), "fragments are not permitted in the URL")]),
    ...(url.search === ""
      ? NONE
      : [refuse(url.search.slice(1), "query parameters are not permitted in the URL")]),
  ];
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
