/** `--admission-control-config-file`: which plugin is configured with which document; upstream's `ReadAdmissionConfiguration`. @module */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { isJsonObject, parseYamlDocuments, type JsonObject } from "#apimachinery";
import { ConfigError, parseConfig } from "#component-base";
import { listOf, STRING, struct } from "../../config-schema.ts";

/** What one plugin is configured with. */
export interface PluginDocument {
  readonly text: string;
  /** Names it in messages. */
  readonly source: string;
  /** "" when the document names none. */
  readonly apiVersion: string;
}

interface PluginEntry {
  readonly name?: string;
  readonly path?: string;
  readonly configuration?: JsonObject;
}

const GROUP = "apiserver.config.k8s.io";
/** The last one is from before that group. */
const VERSIONS = [`${GROUP}/v1`, "apiserver.k8s.io/v1alpha1"];
const SCHEMA = struct("AdmissionConfiguration", {
  apiVersion: STRING,
  kind: STRING,
  plugins: listOf(
    struct("AdmissionPluginConfiguration", {
      name: STRING,
      path: STRING,
      configuration: { type: "untyped", form: "rawExtension" },
    }),
  ),
});
/** Plugins whose own file may stand in place of the configuration, by the field that tells it. */
const LEGACY: Readonly<Record<string, string>> = {
  imagePolicy: "ImagePolicyWebhook",
  podNodeSelectorPluginConfig: "PodNodeSelector",
};

/** By the plugin's name. Rejects with what is wrong. */
export async function readAdmissionConfiguration(path: string): Promise<ReadonlyMap<string, PluginDocument>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (err) {
    const why = `[${(err as Error).message}]`;
    throw new ConfigError(
      `unable to read admission control configuration from ${JSON.stringify(path)} ${why}`,
      {
        cause: err,
      },
    );
  }
  const legacy = legacyPlugins(text);
  if (legacy.length > 0) {
    return new Map(legacy.map((name) => [name, { text, source: path, apiVersion: "" }]));
  }
  const apiVersion = apiVersionOf(text);
  const plugins = parseConfig<readonly PluginEntry[]>(text, path, {
    apiVersion: VERSIONS.includes(apiVersion) ? apiVersion : VERSIONS[0]!,
    kind: "AdmissionConfiguration",
    schema: SCHEMA,
    defaults: (config) => (config["plugins"] ?? []) as readonly PluginEntry[],
    validate: () => [],
  });
  const documents = new Map<string, PluginDocument>();
  for (const plugin of plugins) {
    const { name = "" } = plugin;
    // The first one of a name counts, as upstream.
    if (documents.has(name)) continue;
    const document = await documentOf(plugin, path);
    if (document !== undefined) documents.set(name, document);
  }
  return documents;
}

/** Within the file, or in another one, named from there. */
async function documentOf(
  { name = "", path = "", configuration }: PluginEntry,
  file: string,
): Promise<PluginDocument | undefined> {
  if (configuration !== undefined) {
    const text = JSON.stringify(configuration);
    return { text, source: `${file} (${name})`, apiVersion: apiVersionOf(text) };
  }
  if (path === "") return undefined;
  const source = resolve(dirname(file), path);
  try {
    const text = await readFile(source, "utf8");
    return { text, source, apiVersion: apiVersionOf(text) };
  } catch (err) {
    const why = (err as Error).message;
    throw new ConfigError(`Couldn't open admission plugin configuration ${source}: ${why}`, { cause: err });
  }
}

function legacyPlugins(text: string): readonly string[] {
  const document = firstDocument(text);
  if (document === undefined || (document["kind"] !== undefined && document["apiVersion"] !== undefined)) {
    return [];
  }
  return Object.entries(LEGACY).some(([key]) => document[key] !== undefined) ? Object.values(LEGACY) : [];
}

function apiVersionOf(text: string): string {
  const version = firstDocument(text)?.["apiVersion"];
  return typeof version === "string" ? version : "";
}

/** undefined for what is no YAML object: whoever reads it strictly says why. */
function firstDocument(text: string): JsonObject | undefined {
  try {
    const [document] = parseYamlDocuments(text);
    return isJsonObject(document) ? document : undefined;
  } catch {
    return undefined;
  }
}
