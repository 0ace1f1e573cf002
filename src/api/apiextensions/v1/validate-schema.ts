/** What schemas of definitions may say, node by node; upstream's `ValidateCustomResourceDefinitionOpenAPISchema`. Pure. @module */
import { field } from "#apimachinery";
import { NONE, type Causes } from "../../validation/common.ts";
import type { JSONSchemaProps, ValidationRule } from "./types.gen.ts";
import { schemaIn } from "./validate-structural.ts";

const TYPES: readonly string[] = ["array", "boolean", "integer", "number", "object", "string"];
const META_FIELDS: ReadonlySet<string> = new Set(["metadata", "kind", "apiVersion"]);
const REASONS: readonly string[] = [
  "FieldValueDuplicate",
  "FieldValueForbidden",
  "FieldValueInvalid",
  "FieldValueRequired",
];

interface Context {
  readonly isRoot: boolean;
  readonly isInsideMeta: boolean;
  /** Why no default may be here; undefined: it may. */
  readonly noDefaults: string | undefined;
}

const ROOT: Context = { isRoot: true, isInsideMeta: false, noDefaults: undefined };

export function validateSchema(schema: JSONSchemaProps, path: string): Causes {
  return node(schema, path, ROOT);
}

function node(s: JSONSchemaProps, path: string, context: Context): Causes {
  return [
    ...standard(s, path, context),
    ...(s.uniqueItems === true
      ? [
          field.forbidden(
            field.child(path, "uniqueItems"),
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
          ),
        ]
      : NONE),
    ...children(s, path, context),
    ...kubernetesTypes(s, path),
    ...listMap(s, path),
    ...mapKeys(s, path),
    ...(s["x-kubernetes-validations"] ?? []).flatMap((rule, i) =>
      validateRule(rule, field.index(field.child(path, "x-kubernetes-validations"), i)),
    ),
  ];
}

/** Keywords of JSON schema that are not OpenAPI's, or not ours. */
const UNSUPPORTED = [
  "id",
  "additionalItems",
  "patternProperties",
  "definitions",
  "dependencies",
  "$ref",
] as const;

function standard(s: JSONSchemaProps, path: string, context: Context): Causes {
  const causes: Causes[number][] = [];
  if (s.type !== undefined && s.type !== "" && !TYPES.includes(s.type)) {
    causes.push(field.notSupported(field.child(path, "type"), s.type, TYPES));
  }
  if (s.default !== undefined && context.noDefaults !== undefined) {
    causes.push(field.forbidden(field.child(path, "default"), `must not be set ${context.noDefaults}`));
  }
  for (const keyword of UNSUPPORTED) {
    const value = s[keyword];
    const isEmpty = typeof value === "object" && Object.keys(value as object).length === 0;
    if (value === undefined || value === "" || isEmpty) continue;
    causes.push(field.forbidden(field.child(path, keyword), `${keyword} is not supported`));
  }
  if (s.type === "null") {
    const why = "type cannot be set to null, use nullable as an alternative";
    causes.push(field.forbidden(field.child(path, "type"), why));
  }
  if (Array.isArray(s.items)) {
    causes.push(
      field.forbidden(field.child(path, "items"), "items must be a schema object and not an array"),
    );
  }
  if (context.isInsideMeta && s["x-kubernetes-embedded-resource"] === true) {
    const at = field.child(path, "x-kubernetes-embedded-resource");
    causes.push(field.forbidden(at, "must not be used inside of resource meta"));
  }
  return causes;
}

function children(s: JSONSchemaProps, path: string, context: Context): Causes {
  const below = { ...context, isRoot: false };
  const causes: Causes[number][] = [];
  const more = schemaIn(s.additionalProperties);
  if (s.additionalProperties !== undefined) {
    const at = field.child(path, "additionalProperties");
    if (Object.keys(s.properties ?? {}).length > 0 && s.additionalProperties !== true) {
      causes.push(field.forbidden(at, "additionalProperties and properties are mutual exclusive"));
    }
    const noDefaults = "inside additionalProperties applying to object metadata";
    if (more !== undefined)
      causes.push(...node(more, at, context.isInsideMeta ? { ...below, noDefaults } : below));
  }
  for (const [name, child] of Object.entries(s.properties ?? {})) {
    const isMeta = (context.isRoot || s["x-kubernetes-embedded-resource"] === true) && META_FIELDS.has(name);
    const inside = {
      ...below,
      ...(isMeta && { isInsideMeta: true }),
      ...(isMeta && context.isRoot && { noDefaults: `in top-level ${name}` }),
    };
    causes.push(...node(child, field.key(field.child(path, "properties"), name), inside));
  }
  const list = (name: "allOf" | "oneOf" | "anyOf"): Causes =>
    (s[name] ?? []).flatMap((child, i) => node(child, field.index(field.child(path, name), i), below));
  if (s.not !== undefined) causes.push(...node(s.not, field.child(path, "not"), below));
  causes.push(...list("allOf"), ...list("oneOf"), ...list("anyOf"));
  const items = schemaIn(s.items);
  if (items !== undefined) causes.push(...node(items, field.child(path, "items"), below));
  return causes;
}

function kubernetesTypes(s: JSONSchemaProps, path: string): Causes {
  const causes: Causes[number][] = [];
  const { type = "" } = s;
  const mustBe = (wanted: string, extension: string): void => {
    const at = field.child(path, "type");
    const why = `must be ${wanted} if ${extension} is specified`;
    if (type !== wanted) causes.push(type === "" ? field.required(at, why) : field.invalid(at, type, why));
  };
  if (s["x-kubernetes-preserve-unknown-fields"] === false) {
    const at = field.child(path, "x-kubernetes-preserve-unknown-fields");
    causes.push(field.invalid(at, false, "must be true or undefined"));
  }
  const mapType = s["x-kubernetes-map-type"];
  if (mapType !== undefined) {
    mustBe("object", "x-kubernetes-map-type");
    if (mapType !== "atomic" && mapType !== "granular") {
      causes.push(
        field.notSupported(field.child(path, "x-kubernetes-map-type"), mapType, ["atomic", "granular"]),
      );
    }
  }
  const listType = s["x-kubernetes-list-type"];
  if (listType === undefined) return causes;
  mustBe("array", "x-kubernetes-list-type");
  const items = schemaIn(s.items);
  const at = field.child(path, "items");
  const why = "must be atomic as item of a list with x-kubernetes-list-type=set";
  if (type === "array" && listType === "set" && items !== undefined) {
    const inner = items["x-kubernetes-list-type"];
    if (items.type === "array" && inner !== undefined && inner !== "atomic") {
      causes.push(field.invalid(field.child(at, "x-kubernetes-list-type"), inner, why));
    }
    if (items.type === "object" && items["x-kubernetes-map-type"] !== "atomic") {
      causes.push(field.invalid(field.child(at, "x-kubernetes-map-type"), inner, why));
    }
  }
  if (!["atomic", "set", "map"].includes(listType)) {
    causes.push(
      field.notSupported(field.child(path, "x-kubernetes-list-type"), listType, ["atomic", "set", "map"]),
    );
  }
  return causes;
}

function listMap(s: JSONSchemaProps, path: string): Causes {
  const listType = s["x-kubernetes-list-type"];
  const keys = s["x-kubernetes-list-map-keys"] ?? [];
  const at = field.child(path, "x-kubernetes-list-type");
  if (listType !== "map") {
    if (keys.length === 0) return NONE;
    const why = "must be map if x-kubernetes-list-map-keys is non-empty";
    return [listType === undefined ? field.required(at, why) : field.invalid(at, listType, why)];
  }
  const keysAt = field.child(path, "x-kubernetes-list-map-keys");
  const itemsAt = field.child(path, "items");
  const items = schemaIn(s.items);
  const causes: Causes[number][] = [];
  if (keys.length === 0)
    causes.push(field.required(keysAt, "must not be empty if x-kubernetes-list-type is map"));
  if (s.items === undefined) {
    causes.push(field.required(itemsAt, "must have a schema if x-kubernetes-list-type is map"));
  }
  if (items === undefined) return causes;
  if (items.type !== "object") {
    const why = "must be object if parent array's x-kubernetes-list-type is map";
    return [...causes, field.invalid(field.child(itemsAt, "type"), items.type ?? "", why)];
  }
  for (const [i, key] of keys.entries()) {
    const property = items.properties?.[key];
    if (property === undefined) {
      causes.push(field.invalid(keysAt, keys, "entries must all be names of item properties"));
    } else if (property.type === "array" || property.type === "object") {
      const where = field.child(field.key(field.child(itemsAt, "properties"), key), "type");
      const why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      causes.push(field.invalid(where, items.type, why));
    }
    if (keys.indexOf(key) < i) causes.push(field.invalid(keysAt, keys, "must not contain duplicate entries"));
  }
  return causes;
}

function mapKeys(s: JSONSchemaProps, path: string): Causes {
  const listType = s["x-kubernetes-list-type"];
  const items = schemaIn(s.items);
  if (items === undefined || (listType !== "map" && listType !== "set")) return NONE;
  const at = field.child(path, "items");
  const causes: Causes[number][] = [];
  if (items.nullable === true) {
    const why = `cannot be nullable when x-kubernetes-list-type is ${listType}`;
    causes.push(field.forbidden(field.child(at, "nullable"), why));
  }
  if (listType === "set") return causes;
  for (const key of s["x-kubernetes-list-map-keys"] ?? []) {
    const property = items.properties?.[key];
    if (property === undefined) continue;
    const where = field.key(field.child(at, "properties"), key);
    const word = "this property is in x-kubernetes-list-map-keys, so it";
    if (!(items.required ?? []).includes(key) && property.default === undefined) {
      causes.push(
        field.required(
          field.child(where, "default"),
          `${word} must have a default or be a required property`,
        ),
      );
    }
    if (property.nullable === true) {
      causes.push(field.forbidden(field.child(where, "nullable"), `${word} cannot be nullable`));
    }
  }
  return causes;
}

/** What can be said of a rule without compiling it. */
function validateRule(
  { rule, message = "", messageExpression = "", reason, fieldPath = "" }: ValidationRule,
  path: string,
): Causes {
  const causes: Causes[number][] = [];
  const at = (name: string): string => field.child(path, name);
  const [trimmedRule, trimmedMessage] = [rule.trim(), message.trim()];
  if (trimmedRule === "") causes.push(field.required(at("rule"), "rule is not specified"));
  else if (message !== "" && trimmedMessage === "") {
    causes.push(field.invalid(at("message"), message, "must be non-empty if specified"));
  } else if (hasNewlines(trimmedMessage)) {
    causes.push(field.invalid(at("message"), message, "must not contain line breaks"));
  } else if (hasNewlines(trimmedRule) && trimmedMessage === "") {
    causes.push(field.required(at("message"), "message must be specified if rule contains line breaks"));
  }
  if (messageExpression !== "" && messageExpression.trim() === "") {
    causes.push(field.required(at("messageExpression"), "messageExpression must be non-empty if specified"));
  }
  if (reason !== undefined && !REASONS.includes(reason))
    causes.push(field.notSupported(at("reason"), reason, REASONS));
  if (fieldPath !== "" && fieldPath.trim() === "") {
    causes.push(field.invalid(at("fieldPath"), fieldPath, "must be non-empty if specified"));
  }
  if (hasNewlines(fieldPath))
    causes.push(field.invalid(at("fieldPath"), fieldPath, "must not contain line breaks"));
  return causes;
}

function hasNewlines(text: string): boolean {
  return /[\n\r]/.test(text);
}
