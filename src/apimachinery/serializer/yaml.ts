/** YAML as kubectl and the API server read and write it. @module */
import { dump, loadAll, YAMLException, type LoadOptions } from "js-yaml";
import { put, type MutableJsonObject } from "../json.ts";
import { JsonSyntaxError, parseJson } from "./json.ts";
import { goYamlSchema } from "./yaml-schema.ts";
import { compareYamlKeys, goScalarStyles } from "./yaml-style.ts";

/** The text is no YAML, or no YAML that JSON can hold. */
export class YamlError extends Error {
  override readonly name = "YamlError";
}

/** Values that the aliases of one document may unfold to. */
export const YAML_VALUES_MAX = 1_000_000;
const YAML_DEPTH_MAX = 1000;

/** The first document as a JSON value; undefined when there is none. Duplicate keys: the last one counts. */
export function parseYaml(text: string): unknown {
  return parseAsJson(text) ?? parseYamlDocuments(text)[0];
}

/** All documents that are not empty. Throws `YamlError`. */
export function parseYamlDocuments(text: string): readonly unknown[] {
  const documents = load(text, { json: true });
  return documents.filter((document) => document !== null && document !== undefined).map(toJson);
}

/** Problems that one error tells of; each costs a reading of the text. */
const DUPLICATES_MAX = 20;

/** What strict decoding says of keys that occur twice in one mapping: one text for all of them. */
export function findDuplicateYamlKeys(text: string): readonly string[] {
  const problems: string[] = [];
  let rest = text;
  while (problems.length < DUPLICATES_MAX) {
    const at = positionOfDuplicate(rest);
    if (at === undefined) break;
    const key = keyAt(rest, at);
    const line = rest.slice(0, at).split("\n").length;
    problems.push(`  line ${line}: key ${JSON.stringify(key)} already set in map`);
    // the same document with that key out of the way
    rest = `${rest.slice(0, at)}${key} ${problems.length} of them${rest.slice(at + key.length)}`;
  }
  return problems.length === 0 ? [] : [["yaml: unmarshal errors:", ...problems].join("\n")];
}

/** Where the second key begins, inside its quotes. */
function positionOfDuplicate(text: string): number | undefined {
  try {
    loadAll(text, { schema: goYamlSchema });
    return undefined;
  } catch (err) {
    if (!(err instanceof YAMLException) || !/duplicat/i.test(err.reason)) return undefined;
    return (err.mark as { readonly position: number } | undefined)?.position;
  }
}

function keyAt(text: string, position: number): string {
  const quote = text[position - 1];
  const isQuoted = quote === '"' || quote === "'";
  const rest = text.slice(position);
  return (isQuoted ? rest.slice(0, rest.indexOf(quote)) : /^[^:\n]*?(?=\s*(?::|\n|$))/.exec(rest)?.[0]) ?? "";
}

/** As kubectl prints: keys sorted, lists not indented, nothing folded. */
export function formatYaml(value: unknown): string {
  return dump(value, {
    sortKeys: compareYamlKeys,
    noRefs: true,
    lineWidth: -1,
    seqNoIndent: true,
    scalarStyleRules: goScalarStyles,
  });
}

/** Most clients that say YAML send JSON, which is quicker to read; undefined when it is not JSON. */
function parseAsJson(text: string): unknown {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return parseJson(text);
  } catch (err) {
    if (err instanceof JsonSyntaxError) return undefined;
    throw err;
  }
}

function load(text: string, options: LoadOptions): readonly unknown[] {
  try {
    return loadAll(text, { ...options, schema: goYamlSchema });
  } catch (err) {
    if (!(err instanceof YAMLException)) throw err;
    throw new YamlError(yamlProblem(err));
  }
}

/** What is wrong and where. The parser's own message quotes the lines around it, which may be secret: it is no cause either. */
function yamlProblem({ reason, mark }: YAMLException): string {
  const { line } = (mark ?? { line: 0 }) as { readonly line: number };
  return `yaml: line ${line + 1}: ${reason}`;
}

/** Unfolds aliases, within bounds, and refuses what JSON cannot hold. */
function toJson(document: unknown): unknown {
  let values = 0;
  const convert = (value: unknown, depth: number): unknown => {
    if (++values > YAML_VALUES_MAX) throw new YamlError("yaml: document contains excessive aliasing");
    if (depth > YAML_DEPTH_MAX) throw new YamlError("yaml: exceeded max depth");
    if (Array.isArray(value)) return value.map((item) => convert(item, depth + 1));
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw new YamlError(
        `json: unsupported value: ${value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : "NaN"}`,
      );
    }
    if (value instanceof Uint8Array) return new TextDecoder().decode(value);
    if (typeof value !== "object" || value === null) return value;
    const out: MutableJsonObject = {};
    for (const [key, child] of Object.entries(value)) put(out, key, convert(child, depth + 1));
    return out;
  };
  return convert(document, 0);
}
