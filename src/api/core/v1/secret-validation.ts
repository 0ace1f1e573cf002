/** Rules for Secrets; their values never stand in a message. @module */
import { field, isConfigMapKey } from "#apimachinery";
import { immutable, NONE, obeys, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { base64Length, decodeBase64 } from "./base64.ts";
import { DATA_BYTES_MAX, IMMUTABLE_MESSAGE } from "./configmap-validation.ts";
import type { Secret } from "./types.gen.ts";

const ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name";

export function validateSecret(secret: Secret, old?: Secret): Causes {
  const { data = {} } = secret;
  const size = Object.values(data).reduce((sum, value) => sum + base64Length(value), 0);
  return [
    ...(old === undefined ? NONE : validateSecretUpdate(secret, old)),
    ...Object.keys(data).flatMap((key) => obeys(isConfigMapKey, key, field.key("data", key))),
    ...(size > DATA_BYTES_MAX ? [field.tooLong("data", DATA_BYTES_MAX)] : NONE),
    ...validateType(secret),
  ];
}

function validateType({ type, data = {}, metadata }: Secret): Causes {
  const required = (...keys: readonly string[]): Causes =>
    keys.filter((key) => !Object.hasOwn(data, key)).map((key) => field.required(field.key("data", key)));
  switch (type ?? "") {
    case "kubernetes.io/service-account-token":
      if (metadata.annotations?.[ACCOUNT_ANNOTATION]) return NONE;
      return [field.required(field.key("metadata.annotations", ACCOUNT_ANNOTATION))];
    case "kubernetes.io/dockercfg":
      return validateJson(data, ".dockercfg");
    case "kubernetes.io/dockerconfigjson":
      return validateJson(data, ".dockerconfigjson");
    case "kubernetes.io/basic-auth":
      return "username" in data || "password" in data ? NONE : required("username", "password");
    case "kubernetes.io/ssh-auth":
      return data["ssh-privatekey"] ? NONE : [field.required(field.key("data", "ssh-privatekey"))];
    case "kubernetes.io/tls":
      return required("tls.crt", "tls.key");
    default:
      return NONE;
  }
}

function validateJson(data: Readonly<Record<string, string>>, key: string): Causes {
  const path = field.key("data", key);
  const value = data[key];
  if (value === undefined) return [field.required(path)];
  const problem = jsonProblem(decodeBase64(value) ?? "");
  return problem === undefined ? NONE : [field.invalid(path, "<secret contents redacted>", problem)];
}

/** In words of our own: a parser's message would quote the secret. */
function jsonProblem(text: string): string | undefined {
  if (text === "") return "unexpected end of JSON input";
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && !Array.isArray(value) ? undefined : "must be a JSON object";
  } catch (err) {
    if (err instanceof SyntaxError) return "invalid JSON";
    throw err;
  }
}

function validateSecretUpdate(secret: Secret, old: Secret): Causes {
  return [
    ...immutable(secret.type, old.type, "type"),
    ...(old.immutable === true && secret.immutable !== true
      ? [field.forbidden("immutable", IMMUTABLE_MESSAGE)]
      : NONE),
    ...(old.immutable === true && !semanticEqual(secret.data, old.data)
      ? [field.forbidden("data", IMMUTABLE_MESSAGE)]
      : NONE),
  ];
}

const PEM = /-----BEGIN (?<type>[A-Z0-9 ]+)-----/;

/** Certificates and keys that cannot be either. Whether they belong together, nobody here can tell. */
export function warningsForSecret({ type, data = {} }: Secret): readonly string[] {
  if (type !== "kubernetes.io/tls") return [];
  const blockOf = (key: string): string | undefined =>
    PEM.exec(decodeBase64(data[key] ?? "") ?? "")?.groups?.["type"];
  const [certificate, key] = [blockOf("tls.crt"), blockOf("tls.key")];
  if (certificate === undefined) return ["tls: failed to find any PEM data in certificate input"];
  return key === undefined ? ["tls: failed to find any PEM data in key input"] : [];
}
