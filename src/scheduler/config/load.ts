/** Reads KubeSchedulerConfiguration files, strictly. @module */
import { readFile } from "node:fs/promises";
import {
  decodeTyped,
  DecodeError,
  findDuplicateYamlKeys,
  isJsonObject,
  parseYamlDocuments,
  quote,
  YamlError,
  type JsonObject,
  type StructSchema,
} from "#apimachinery";
import { ConfigError } from "#component-base";
import { withDefaults, type ConfigurationDraft } from "./defaults.ts";
import { argsSchemas, configurationSchema } from "./schema.ts";
import type { KubeSchedulerConfiguration } from "./types.ts";
import { validateConfiguration } from "./validation.ts";

const API_VERSION = "kubescheduler.config.k8s.io/v1";
const GROUP = "kubescheduler.config.k8s.io";
const KIND = "KubeSchedulerConfiguration";

/** Throws `ConfigError`. */
export async function loadSchedulerConfiguration(path: string): Promise<KubeSchedulerConfiguration> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (err) {
    throw new ConfigError(`reading configuration file ${path}: ${(err as Error).message}`, { cause: err });
  }
  return parseSchedulerConfiguration(text);
}

/** Throws `ConfigError` with everything that is wrong. */
export function parseSchedulerConfiguration(text: string): KubeSchedulerConfiguration {
  const config = withDefaults(decode(text));
  const causes = validateConfiguration(config);
  if (causes.length > 0)
    throw new ConfigError(joined(causes.map((cause) => `${cause.field}: ${cause.message}`)));
  return config;
}

function decode(text: string): ConfigurationDraft {
  const document = documentOf(text);
  const { apiVersion, kind } = document;
  if (typeof kind !== "string" || kind === "") throw new ConfigError("Object 'Kind' is missing");
  if (apiVersion !== API_VERSION || kind !== KIND)
    throw new ConfigError(`no kind ${quote(kind)} is registered for version ${quote(textOf(apiVersion))}`);
  const strict = [...findDuplicateYamlKeys(text)];
  const config = decodeStrict(document, configurationSchema, strict) as JsonObject;
  const profiles = (config["profiles"] ?? []) as readonly JsonObject[];
  const decoded = {
    ...config,
    profiles: profiles.map((profile, i) => withDecodedArgs(profile, i, strict)),
  };
  if (strict.length > 0) throw new ConfigError(`strict decoding error: ${strict.join(", ")}`);
  return decoded;
}

function documentOf(text: string): JsonObject {
  try {
    const documents = parseYamlDocuments(text);
    const [document] = documents;
    if (documents.length === 1 && isJsonObject(document)) return document;
  } catch (err) {
    if (err instanceof YamlError) throw new ConfigError(err.message, { cause: err });
    throw err;
  }
  throw new ConfigError(`expected one YAML object of kind ${KIND}`);
}

function decodeStrict(object: JsonObject, schema: StructSchema, strict: string[]): unknown {
  try {
    const { object: decoded, unknownFields } = decodeTyped(object, schema);
    strict.push(...unknownFields.map((name) => `unknown field ${quote(name)}`));
    return decoded;
  } catch (err) {
    if (err instanceof DecodeError) throw new ConfigError(err.message, { cause: err });
    throw err;
  }
}

/** The arguments of upstream's plugins have types of their own; those of others are kept as they are. */
function withDecodedArgs(profile: JsonObject, i: number, strict: string[]): JsonObject {
  const configs = (profile["pluginConfig"] ?? []) as readonly JsonObject[];
  return {
    ...profile,
    pluginConfig: configs.map((config, j) => {
      const name = textOf(config["name"]);
      const schema = argsSchemas[name];
      if (schema === undefined) return config;
      const place = `decoding .profiles[${i}].pluginConfig[${j}]`;
      const args = (config["args"] ?? {}) as JsonObject;
      checkKind(name, args, place);
      const problems: string[] = [];
      const decoded = decodeArgs(args, schema, problems, `${place}: decoding args for plugin ${name}`);
      if (problems.length > 0) {
        const what = `strict decoding error: ${problems.join(", ")}`;
        strict.push(`${place}: strict decoding error: decoding args for plugin ${name}: ${what}`);
      }
      return { ...config, args: decoded };
    }),
  };
}

function checkKind(plugin: string, args: JsonObject, place: string): void {
  const { apiVersion = API_VERSION, kind = `${plugin}Args` } = args;
  if (apiVersion !== API_VERSION) {
    const what = `no kind ${quote(textOf(kind))} is registered for version ${quote(textOf(apiVersion))}`;
    throw new ConfigError(`${place}: decoding args for plugin ${plugin}: ${what}`);
  }
  if (kind === `${plugin}Args`) return;
  throw new ConfigError(
    `${place}: args for plugin ${plugin} were not of type ${plugin}Args.${GROUP}, got ${textOf(kind)}.${GROUP}`,
  );
}

function decodeArgs(args: JsonObject, schema: StructSchema, problems: string[], place: string): JsonObject {
  try {
    const { apiVersion: _, kind: __, ...decoded } = decodeStrict(args, schema, problems) as JsonObject;
    return decoded;
  } catch (err) {
    if (err instanceof ConfigError) throw new ConfigError(`${place}: ${err.message}`, { cause: err });
    throw err;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** As Go shows several errors. */
function joined(messages: readonly string[]): string {
  return messages.length === 1 ? messages[0]! : `[${messages.join(", ")}]`;
}
