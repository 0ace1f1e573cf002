/** Subresources, printer columns and selectable fields of a version. Pure. @module */
import { field } from "#apimachinery";
import { NONE, type Causes } from "../../validation/common.ts";
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  JSONSchemaProps,
} from "./types.gen.ts";
import { schemaIn } from "./validate-structural.ts";

const COLUMN_TYPES: readonly string[] = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: readonly string[] = [
  "byte",
  "date",
  "date-time",
  "double",
  "float",
  "int32",
  "int64",
  "password",
];
const SELECTABLE_FIELDS_MAX = 8;

export function validateSubresources(
  subresources: CustomResourceSubresources | undefined,
  path: string,
): Causes {
  const scale = subresources?.scale;
  if (scale === undefined) return NONE;
  const at = (name: string): string => `${path}.scale.${name}`;
  const { specReplicasPath: spec, statusReplicasPath: status, labelSelectorPath: selector } = scale;
  return [
    ...(spec === ""
      ? [field.required(at("specReplicasPath"))]
      : under(spec, at("specReplicasPath"), [".spec."], "should be a json path under .spec")),
    ...(status === ""
      ? [field.required(at("statusReplicasPath"))]
      : under(status, at("statusReplicasPath"), [".status."], "should be a json path under .status")),
    ...(selector
      ? under(
          selector,
          at("labelSelectorPath"),
          [".spec.", ".status."],
          "should be a json path under either .spec or .status",
        )
      : NONE),
  ];
}

function under(text: string, where: string, parents: readonly string[], why: string): Causes {
  const causes = simplePath(text, where);
  if (causes.length > 0 || parents.some((parent) => text.startsWith(parent))) return causes;
  return [field.invalid(where, text, why)];
}

export function validateColumn(
  { name, type, format, jsonPath }: CustomResourceColumnDefinition,
  path: string,
): Causes {
  const types = `must be one of ${COLUMN_TYPES.join(",")}`;
  const at = (child: string): string => field.child(path, child);
  return [
    ...(name === "" ? [field.required(at("name"))] : NONE),
    ...(type === ""
      ? [field.required(at("type"), types)]
      : COLUMN_TYPES.includes(type)
        ? NONE
        : [field.invalid(at("type"), type, types)]),
    ...(format && !COLUMN_FORMATS.includes(format)
      ? [field.invalid(at("format"), format, `must be one of ${COLUMN_FORMATS.join(",")}`)]
      : NONE),
    ...(jsonPath === "" ? [field.required(at("JSONPath"))] : simplePath(jsonPath, at("JSONPath"))),
  ];
}

function simplePath(text: string, path: string): Causes {
  return text.startsWith(".")
    ? NONE
    : [field.invalid(path, text, "must be a simple json path starting with .")];
}

export function validateSelectableFields(version: CustomResourceDefinitionVersion, path: string): Causes {
  const schema = schemaIn(version.schema?.openAPIV3Schema);
  const fields = version.selectableFields ?? [];
  if (fields.length === 0) return NONE;
  if (schema === undefined) {
    return [field.invalid(path, "", "may only be set when `version.schema.openAPIV3Schema` is not included")];
  }
  const seen = new Set<string>();
  const causes = fields.flatMap(({ jsonPath }, i): Causes => {
    const at = field.child(field.index(path, i), "jsonPath");
    if (jsonPath === "") return [field.required(at)];
    const found = fieldAt(schema, jsonPath);
    if (typeof found === "string") return [field.invalid(at, jsonPath, `is an invalid path: ${found}`)];
    const isRepeated = seen.has(jsonPath);
    seen.add(jsonPath);
    const why =
      "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
    return [
      ...(jsonPath.startsWith(".metadata")
        ? [field.invalid(at, jsonPath, "must not point to fields in metadata")]
        : NONE),
      ...(["string", "boolean", "integer"].includes(found.type ?? "")
        ? NONE
        : [field.invalid(at, jsonPath, why)]),
      ...(isRepeated ? [field.duplicate(at, jsonPath)] : NONE),
    ];
  });
  return seen.size > SELECTABLE_FIELDS_MAX
    ? [...causes, field.tooMany(path, seen.size, SELECTABLE_FIELDS_MAX)]
    : causes;
}

/** The schema of a field by its path in dot notation, or why there is none. */
export function fieldAt(schema: JSONSchemaProps, path: string): JSONSchemaProps | string {
  if (!path.startsWith(".")) return `expected [ or . but got: ${path}`;
  let at = schema;
  for (const name of path.slice(1).split(".")) {
    const child = at.properties?.[name] ?? schemaIn(at.additionalProperties);
    if (child === undefined) return "does not refer to a valid field";
    at = child;
  }
  return at;
}
