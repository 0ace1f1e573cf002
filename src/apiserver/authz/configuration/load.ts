/** Reads and judges an AuthorizationConfiguration, in upstream's words. @module */
import { statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { field, isDns1123Subdomain, parseDuration, type JsonObject, type StatusCause } from "#apimachinery";
import { parseConfig, type ConfigKind } from "#component-base";
import { CompileError } from "../../typed-cel.ts";
import { compileMatchCondition } from "../webhook/match-conditions.ts";
import {
  AUTHORIZATION_SCHEMA,
  type AuthorizationConfiguration,
  type AuthorizerSpec,
  type WebhookSpec,
} from "./types.ts";

export const MODES: readonly string[] = ["ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"];

const CONDITIONS_MAX = 64;
const TIMEOUT_MS_MAX = 30_000;
const VERSIONS = ["v1", "v1beta1"];

/** Throws `ConfigError`. `required`: types that must be among them, because the server was started with them. */
export function loadAuthorizationConfiguration(
  text: string,
  source: string,
  required: readonly string[] = [],
): AuthorizationConfiguration {
  const apiVersion = /^\s*apiVersion:\s*["']?apiserver\.config\.k8s\.io\/v1beta1["']?\s*$/m.test(text)
    ? "apiserver.config.k8s.io/v1beta1"
    : "apiserver.config.k8s.io/v1";
  return parseConfig(text, source, kind(apiVersion, required));
}

function kind(apiVersion: string, required: readonly string[]): ConfigKind<AuthorizationConfiguration> {
  return {
    apiVersion,
    kind: "AuthorizationConfiguration",
    schema: AUTHORIZATION_SCHEMA,
    defaults: withDefaults,
    validate: (config) => [...authorizerCauses(config), ...nameCauses(config, required)],
  };
}

function withDefaults(config: JsonObject): AuthorizationConfiguration {
  const { authorizers = [] } = config as unknown as {
    readonly authorizers?: readonly Partial<AuthorizerSpec>[];
  };
  return {
    authorizers: authorizers.map(({ type = "", name = "", webhook }) => ({
      type,
      name,
      ...(webhook !== undefined && { webhook: webhookDefaults(webhook) }),
    })),
  };
}

function webhookDefaults(webhook: Partial<WebhookSpec>): WebhookSpec {
  return {
    authorizedTTL: "5m",
    cacheAuthorizedRequests: true,
    unauthorizedTTL: "30s",
    cacheUnauthorizedRequests: true,
    timeout: "",
    subjectAccessReviewVersion: "",
    matchConditionSubjectAccessReviewVersion: "",
    failurePolicy: "",
    connectionInfo: { type: "" },
    matchConditions: [],
    ...webhook,
  };
}

function authorizerCauses({ authorizers }: AuthorizationConfiguration): readonly StatusCause[] {
  if (authorizers.length === 0)
    return [field.required("authorizers", "at least one authorization mode must be defined")];
  const types = new Set<string>();
  const names = new Set<string>();
  return authorizers.flatMap(({ type, name, webhook }, i): readonly StatusCause[] => {
    const path = `authorizers[${i}]`;
    if (type === "") return [field.required(`${path}.type`)];
    if (!MODES.includes(type)) return [field.notSupported(`${path}.type`, type, MODES)];
    if (types.has(type) && type !== "Webhook") return [field.duplicate(`${path}.type`, type)];
    types.add(type);
    const named = oneNameCauses(name, names, `${path}.name`);
    names.add(name);
    if (type === "Webhook") {
      return webhook === undefined
        ? [...named, field.required(`${path}.webhook`, "required when type=Webhook")]
        : [...named, ...webhookCauses(webhook, path)];
    }
    if (webhook === undefined) return named;
    return [
      ...named,
      field.invalid(`${path}.webhook`, "non-null", "may only be specified when type=Webhook"),
    ];
  });
}

function oneNameCauses(name: string, names: ReadonlySet<string>, path: string): readonly StatusCause[] {
  if (name === "") return [field.required(path)];
  if (names.has(name)) return [field.duplicate(path, name)];
  const problems = isDns1123Subdomain(name);
  return problems.length === 0
    ? []
    : [field.invalid(path, name, `authorizer name is invalid: ${problems.join(", ")}`)];
}

/** Those that are no webhooks are named after their type, and stay. */
function nameCauses(
  { authorizers }: AuthorizationConfiguration,
  required: readonly string[],
): readonly StatusCause[] {
  const own = authorizers.filter(({ type }) => type !== "Webhook" && MODES.includes(type));
  const wrong = own.filter(({ type, name }) => name !== "" && name !== type.toLowerCase());
  const missing = required.filter((type) => !own.some((authorizer) => authorizer.type === type));
  return [
    ...wrong.map(({ type, name }) =>
      field.invalid(
        "authorizers",
        name,
        `expected name ${type.toLowerCase()} for authorizer ${type} instead of ${name}`,
      ),
    ),
    ...(missing.length === 0
      ? []
      : [field.required("authorizers", `missing required types: [${missing.toSorted().join(" ")}]`)]),
  ];
}

function webhookCauses(webhook: WebhookSpec, path: string): readonly StatusCause[] {
  const { subjectAccessReviewVersion: version, matchConditions } = webhook;
  const { matchConditionSubjectAccessReviewVersion: conditionVersion, failurePolicy } = webhook;
  const conditionPath = `${path}.matchConditionSubjectAccessReviewVersion`;
  return [
    ...durationCauses(webhook.timeout, `${path}.timeout`, TIMEOUT_MS_MAX),
    ...durationCauses(webhook.authorizedTTL, `${path}.authorizedTTL`),
    ...durationCauses(webhook.unauthorizedTTL, `${path}.unauthorizedTTL`),
    ...choiceCauses(version, VERSIONS, `${path}.subjectAccessReviewVersion`),
    ...(conditionVersion === ""
      ? matchConditions.length > 0
        ? [field.required(conditionPath, "required if match conditions are specified")]
        : []
      : choiceCauses(conditionVersion, ["v1"], conditionPath)),
    ...choiceCauses(failurePolicy, ["NoOpinion", "Deny"], `${path}.failurePolicy`),
    ...connectionCauses(webhook.connectionInfo, `${path}.connectionInfo`),
    ...conditionCauses(matchConditions, path),
  ];
}

function durationCauses(text: string, path: string, maxMs?: number): readonly StatusCause[] {
  let ms: number;
  try {
    ms = text === "" ? 0 : parseDuration(text);
  } catch (err) {
    return [field.invalid(path, text, (err as Error).message)];
  }
  if (ms === 0) return [field.required(path)];
  if (maxMs !== undefined && (ms < 0 || ms > maxMs))
    return [field.invalid(path, text, "must be > 0s and <= 30s")];
  return ms < 0 ? [field.invalid(path, text, "must be > 0s")] : [];
}

function choiceCauses(value: string, choices: readonly string[], path: string): readonly StatusCause[] {
  if (value === "") return [field.required(path)];
  return choices.includes(value) ? [] : [field.notSupported(path, value, choices)];
}

function connectionCauses(
  { type, kubeConfigFile: file = "" }: WebhookSpec["connectionInfo"],
  path: string,
): readonly StatusCause[] {
  const where = `${path}.kubeConfigFile`;
  if (type === "") return [field.required(`${path}.type`)];
  // Upstream knows InClusterConfig too; an API server is in no pod.
  if (type !== "KubeConfigFile") return [field.notSupported(`${path}.type`, type, ["KubeConfigFile"])];
  if (file === "") return [field.required(where)];
  if (!isAbsolute(file)) return [field.invalid(where, file, "must be an absolute path")];
  try {
    return statSync(file).isFile() ? [] : [field.invalid(where, file, "must be a regular file")];
  } catch (err) {
    return [field.invalid(where, file, `error loading file: ${(err as Error).message}`)];
  }
}

function conditionCauses(conditions: WebhookSpec["matchConditions"], path: string): readonly StatusCause[] {
  const where = `${path}.matchConditions`;
  if (conditions.length > CONDITIONS_MAX) return [field.tooMany(where, conditions.length, CONDITIONS_MAX)];
  const seen = new Set<string>();
  return conditions.flatMap(({ expression = "" }, i) => {
    const at = `${where}[${i}].expression`;
    if (expression.trim() === "") return [field.required(at)];
    if (seen.has(expression)) return [field.duplicate(at, expression)];
    seen.add(expression);
    try {
      compileMatchCondition(expression);
      return [];
    } catch (err) {
      if (err instanceof CompileError) return [field.invalid(at, expression, err.message)];
      throw err;
    }
  });
}
