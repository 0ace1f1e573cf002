/** Configuration files: YAML of one known kind, read strictly, defaulted and validated. @module */
import { readFile } from "node:fs/promises";
import {
  decodeTyped,
  DecodeError,
  findDuplicateYamlKeys,
  isJsonObject,
  parseYamlDocuments,
  YamlError,
  type JsonObject,
  type StatusCause,
  type StructSchema,
} from "#apimachinery";

export interface ConfigKind<T> {
  readonly apiVersion: string;
  readonly kind: string;
  /** Fields besides these are mistakes. */
  readonly schema: StructSchema;
  readonly defaults: (config: JsonObject) => T;
  readonly validate: (config: T) => readonly StatusCause[];
}

/** Says which file, and everything that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Throws `ConfigError`. */
export async function loadConfigFile<T>(path: string, kind: ConfigKind<T>): Promise<T> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (err) {
    throw new ConfigError(`reading configuration file ${path}: ${(err as Error).message}`, { cause: err });
  }
  return parseConfig(text, path, kind);
}

/** `source` names the text in messages. */
export function parseConfig<T>(text: string, source: string, kind: ConfigKind<T>): T {
  const problems = findDuplicateYamlKeys(text);
  if (problems.length > 0) throw failure(source, problems);
  const { object, unknownFields } = decode(text, source, kind);
  if (unknownFields.length > 0) {
    throw failure(
      source,
      unknownFields.map((field) => `unknown field ${JSON.stringify(field)}`),
    );
  }
  const config = kind.defaults(object);
  const causes = kind.validate(config);
  if (causes.length > 0) {
    throw failure(
      source,
      causes.map((cause) => `${cause.field}: ${cause.message}`),
    );
  }
  return config;
}

function decode<T>(text: string, source: string, kind: ConfigKind<T>): ReturnType<typeof decodeTyped> {
  try {
    const documents = parseYamlDocuments(text);
    const [document] = documents;
    if (documents.length !== 1 || !isJsonObject(document))
      throw failure(source, ["expected one YAML object"]);
    const { apiVersion, kind: name } = document;
    if (apiVersion !== kind.apiVersion || name !== kind.kind) {
      throw failure(source, [
        `expected ${kind.kind} of ${kind.apiVersion}, found ${String(name)} of ${String(apiVersion)}`,
      ]);
    }
    return decodeTyped(document, kind.schema);
  } catch (err) {
    if (err instanceof YamlError || err instanceof DecodeError) throw failure(source, [err.message], err);
    throw err;
  }
}

function failure(source: string, problems: readonly string[], cause?: unknown): ConfigError {
  return new ConfigError(`configuration file ${source}: ${problems.join("; ")}`, { cause });
}
