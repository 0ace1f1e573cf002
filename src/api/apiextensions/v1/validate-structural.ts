/** Whether a schema is structural: shape outside of alternatives, values inside; upstream's `schema.ValidateStructural`. Pure. @module */
import { field, jsonEqual } from "#apimachinery";
import { NONE, type Causes } from "../../validation/common.ts";
import type { JSONSchemaProps } from "./types.gen.ts";

type Level = "root" | "item" | "field";

export function validateStructural(schema: JSONSchemaProps, path: string): Causes {
  const causes = [...invariants(schema, "root", path), ...completeness(schema, schema, path)];
  return causes.toSorted((a, b) => (text(a) < text(b) ? -1 : 1));
}

export function schemaIn(value: unknown): JSONSchemaProps | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

function text({ field: path, message }: Causes[number]): string {
  return `${path}: ${message}`;
}

function invariants(s: JSONSchemaProps, level: Level, path: string): Causes {
  const items = schemaIn(s.items);
  const more = schemaIn(s.additionalProperties);
  return [
    ...(s.type === "array" && s.items === undefined
      ? [field.required(field.child(path, "items"), "must be specified")]
      : NONE),
    ...(items === undefined ? NONE : invariants(items, "item", field.child(path, "items"))),
    ...Object.entries(s.properties ?? {}).flatMap(([name, child]) =>
      invariants(child, "field", property(path, name)),
    ),
    ...(s.additionalProperties !== undefined && level === "root"
      ? [field.forbidden(field.child(path, "additionalProperties"), "must not be used at the root")]
      : NONE),
    ...(more === undefined ? NONE : invariants(more, "field", field.child(path, "additionalProperties"))),
    ...extensions(s, path),
    ...values(s, path, { anyOf: isIntOrString(s.anyOf), allOf: isIntOrString(s.allOf?.[0]?.anyOf) }),
    ...typeOf(s, level, path),
    ...metadata(s, level, path),
  ];
}

function property(path: string, name: string): string {
  return field.key(field.child(path, "properties"), name);
}

function isIntOrString(anyOf: readonly JSONSchemaProps[] | undefined): boolean {
  return jsonEqual(anyOf, [{ type: "integer" }, { type: "string" }]);
}

function extensions(s: JSONSchemaProps, path: string): Causes {
  if (s["x-kubernetes-int-or-string"] !== true) return NONE;
  const clash = (name: "x-kubernetes-preserve-unknown-fields" | "x-kubernetes-embedded-resource"): Causes =>
    s[name] === true
      ? [field.invalid(field.child(path, name), true, "must be false if x-kubernetes-int-or-string is true")]
      : NONE;
  return [...clash("x-kubernetes-preserve-unknown-fields"), ...clash("x-kubernetes-embedded-resource")];
}

function typeOf(s: JSONSchemaProps, level: Level, path: string): Causes {
  const at = field.child(path, "type");
  const { type = "" } = s;
  const causes: Causes[number][] = [];
  const isEmbedded = s["x-kubernetes-embedded-resource"] === true;
  const isOpen = s["x-kubernetes-preserve-unknown-fields"] === true;
  if (isEmbedded && type !== "object") {
    const why = "must be object if x-kubernetes-embedded-resource is true";
    causes.push(type === "" ? field.required(at, why) : field.invalid(at, type, why));
  } else if (type === "" && s["x-kubernetes-int-or-string"] !== true && !isOpen) {
    const where = {
      root: "at the root",
      item: "for specified array items",
      field: "for specified object fields",
    };
    causes.push(field.required(at, `must not be empty ${where[level]}`));
  }
  if (isEmbedded && s.additionalProperties !== undefined) {
    const why = "must not be used if x-kubernetes-embedded-resource is set";
    causes.push(field.forbidden(field.child(path, "additionalProperties"), why));
  }
  if (level === "root" && type !== "" && type !== "object") {
    causes.push(field.invalid(at, type, "must be object at the root"));
  }
  if (isEmbedded && !isOpen && Object.keys(s.properties ?? {}).length === 0) {
    const why =
      "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
    causes.push(field.required(field.child(path, "properties"), why));
  }
  return causes;
}

/** At the root and in embedded objects, metadata is known already: only names may be restricted, and only at the root. */
function metadata(s: JSONSchemaProps, level: Level, path: string): Causes {
  if (level !== "root" && s["x-kubernetes-embedded-resource"] !== true) return NONE;
  const { kind, apiVersion, metadata: meta } = s.properties ?? {};
  const mustBeString = (name: string, child: JSONSchemaProps | undefined): Causes =>
    child === undefined || child.type === "string"
      ? NONE
      : [field.invalid(field.child(property(path, name), "type"), child.type ?? "", "must be string")];
  const causes = [...mustBeString("kind", kind), ...mustBeString("apiVersion", apiVersion)];
  if (meta === undefined) return causes;
  const at = property(path, "metadata");
  if (meta.type !== "object")
    causes.push(field.invalid(field.child(at, "type"), meta.type ?? "", "must be object"));
  if (level === "root" && !restrictsNamesOnly(meta)) {
    const why =
      "must not specify anything other than name and generateName, but metadata is implicitly specified";
    causes.push(field.forbidden(at, why));
  }
  return causes;
}

function restrictsNamesOnly({
  type: _type,
  default: _default,
  properties = {},
  description,
  ...rest
}: JSONSchemaProps): boolean {
  const isBare = Object.values(rest).every((value) => value === undefined) && (description ?? "") === "";
  return isBare && Object.keys(properties).every((name) => name === "name" || name === "generateName");
}

/** The alternatives of a schema; the two ways to write int-or-string are let through. */
function values(
  s: JSONSchemaProps,
  path: string,
  skips: { readonly anyOf: boolean; readonly allOf: boolean },
): Causes {
  return [
    ...(skips.anyOf ? NONE : nestedEach(s.anyOf, field.child(path, "anyOf"))),
    ...(s.allOf ?? []).flatMap((child, i) =>
      nested(child, field.index(field.child(path, "allOf"), i), skips.allOf && i === 0),
    ),
    ...nestedEach(s.oneOf, field.child(path, "oneOf")),
    ...(s.not === undefined ? NONE : nested(s.not, field.child(path, "not"), false)),
  ];
}

function nestedEach(list: readonly JSONSchemaProps[] | undefined, path: string): Causes {
  return (list ?? []).flatMap((child, i) => nested(child, field.index(path, i), false));
}

/** What an alternative may not say. */
const FORBIDDEN: readonly (readonly [key: keyof JSONSchemaProps, why: string])[] = [
  ["type", "must be empty to be structural"],
  ["additionalProperties", "must be undefined to be structural"],
  ["default", "must be undefined to be structural"],
  ["title", "must be empty to be structural"],
  ["description", "must be empty to be structural"],
  ["nullable", "must be false to be structural"],
  ["x-kubernetes-preserve-unknown-fields", "must be false to be structural"],
  ["x-kubernetes-embedded-resource", "must be false to be structural"],
  ["x-kubernetes-int-or-string", "must be false to be structural"],
  ["x-kubernetes-list-map-keys", "must be empty to be structural"],
  ["x-kubernetes-list-type", "must be undefined to be structural"],
  ["x-kubernetes-map-type", "must be undefined to be structural"],
  ["x-kubernetes-validations", "must be empty to be structural"],
];

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== "" && value !== false;
}

function because(at: string): string {
  return `because it is defined in ${at}`;
}

function nested(s: JSONSchemaProps, path: string, skipsAnyOf: boolean): Causes {
  const items = schemaIn(s.items);
  return [
    ...values(s, path, { anyOf: skipsAnyOf, allOf: false }),
    ...(items === undefined ? NONE : nested(items, field.child(path, "items"), false)),
    ...Object.entries(s.properties ?? {}).flatMap(([name, child]) =>
      nested(child, property(path, name), false),
    ),
    ...FORBIDDEN.filter(([key]) => isSaid(s[key])).map(([key, why]) =>
      field.forbidden(field.child(path, key), why),
    ),
    ...(s.properties?.["metadata"] === undefined
      ? NONE
      : [field.forbidden(property(path, "metadata"), "must not be specified in a nested context")]),
  ];
}

/** Every field that an alternative names is declared outside of alternatives. */
function completeness(v: JSONSchemaProps, s: JSONSchemaProps | undefined, path: string): Causes {
  const alternatives = [
    ...(v.anyOf ?? []).map((child, i) => [child, field.index(field.child(path, "anyOf"), i)] as const),
    ...(v.allOf ?? []).map((child, i) => [child, field.index(field.child(path, "allOf"), i)] as const),
    ...(v.oneOf ?? []).map((child, i) => [child, field.index(field.child(path, "oneOf"), i)] as const),
    ...(v.not === undefined ? [] : ([[v.not, field.child(path, "not")]] as const)),
  ];
  const deeper =
    v === s
      ? [
          ...Object.entries(v.properties ?? {}).flatMap(([name, child]) =>
            completeness(child, child, property(path, name)),
          ),
          ...inner(schemaIn(v.items), field.child(path, "items")),
          ...inner(schemaIn(v.additionalProperties), field.child(path, "additionalProperties")),
        ]
      : NONE;
  return [...alternatives.flatMap(([child, at]) => complete(child, s, path, at)), ...deeper];
}

function inner(child: JSONSchemaProps | undefined, path: string): Causes {
  return child === undefined ? NONE : completeness(child, child, path);
}

/** `sPath` is where the field should be declared, `vPath` where it is used. */
function complete(v: JSONSchemaProps, s: JSONSchemaProps | undefined, sPath: string, vPath: string): Causes {
  const items = schemaIn(v.items);
  const declaredItems = schemaIn(s?.items);
  const ofItems =
    items === undefined
      ? NONE
      : declaredItems === undefined
        ? [field.required(field.child(sPath, "items"), because(field.child(vPath, "items")))]
        : complete(items, declaredItems, field.child(sPath, "items"), field.child(vPath, "items"));
  const ofFields = Object.entries(v.properties ?? {}).flatMap(([name, child]) => {
    const declared = s?.properties?.[name];
    const [at, used] = [property(sPath, name), property(vPath, name)];
    return declared === undefined ? [field.required(at, because(used))] : complete(child, declared, at, used);
  });
  const deeper = [
    ...(v.anyOf ?? []),
    ...(v.allOf ?? []),
    ...(v.oneOf ?? []),
    ...(v.not === undefined ? [] : [v.not]),
  ];
  return [...ofItems, ...ofFields, ...deeper.flatMap((child) => complete(child, s, sPath, vPath))];
}
