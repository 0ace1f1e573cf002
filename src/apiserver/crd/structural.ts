/** A structural schema as the server walks objects along it: OpenAPI's unions resolved, children by name. @module */
import type { JSONSchemaProps, ValidationRule } from "#api/apiextensions/v1/types.gen";

export interface Structural {
  /** "" where nothing is said: int-or-string, or anything at all. */
  readonly type: string;
  readonly nullable: boolean;
  /** Undefined: none. */
  readonly default: unknown;
  readonly properties: ReadonlyMap<string, Structural>;
  readonly items: Structural | undefined;
  /** Of `additionalProperties: true`: "any". */
  readonly additional: Structural | "any" | undefined;
  readonly preservesUnknown: boolean;
  readonly isEmbedded: boolean;
  readonly isIntOrString: boolean;
  readonly listType: "atomic" | "set" | "map";
  readonly listMapKeys: readonly string[];
  readonly mapType: "granular" | "atomic";
  readonly rules: readonly ValidationRule[];
  /** Here or below. */
  readonly hasDefaults: boolean;
  readonly hasRules: boolean;
  /** Constraints on values: everything that is no structure. */
  readonly props: JSONSchemaProps;
}

/** Bound of the depth of schemas and of the walks along them: nothing real comes near. */
export const SCHEMA_DEPTH_MAX = 200;

export class SchemaTooDeep extends Error {
  constructor() {
    super(`must not be nested more than ${SCHEMA_DEPTH_MAX} levels deep`);
  }
}

/** Throws SchemaTooDeep. */
export function structuralOf(props: JSONSchemaProps, depth = 0): Structural {
  if (depth > SCHEMA_DEPTH_MAX) throw new SchemaTooDeep();
  const properties = new Map(
    Object.entries(props.properties ?? {}).map(([name, child]) => [name, structuralOf(child, depth + 1)]),
  );
  const items = isSchema(props.items) ? structuralOf(props.items, depth + 1) : undefined;
  const additional = additionalOf(props.additionalProperties, depth);
  const children = [...properties.values(), items, additional === "any" ? undefined : additional];
  const rules = props["x-kubernetes-validations"] ?? [];
  return {
    type: props.type ?? "",
    nullable: props.nullable === true,
    default: props.default,
    properties,
    items,
    additional,
    preservesUnknown: props["x-kubernetes-preserve-unknown-fields"] === true,
    isEmbedded: props["x-kubernetes-embedded-resource"] === true,
    isIntOrString: props["x-kubernetes-int-or-string"] === true,
    listType: listTypeOf(props["x-kubernetes-list-type"]),
    listMapKeys: props["x-kubernetes-list-map-keys"] ?? [],
    mapType: props["x-kubernetes-map-type"] === "atomic" ? "atomic" : "granular",
    rules,
    hasDefaults: props.default !== undefined || children.some((child) => child?.hasDefaults === true),
    hasRules: rules.length > 0 || children.some((child) => child?.hasRules === true),
    props,
  };
}

/** The schema of an object's field or of a map's value; undefined when nothing is known of it. */
export function childOf(schema: Structural | undefined, key: string): Structural | undefined {
  if (schema === undefined) return undefined;
  const property = schema.properties.get(key);
  if (property !== undefined) return property;
  return schema.additional === "any" ? undefined : schema.additional;
}

export function isSchema(value: unknown): value is JSONSchemaProps {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function additionalOf(value: unknown, depth: number): Structural["additional"] {
  if (isSchema(value)) return structuralOf(value, depth + 1);
  return value === true ? "any" : undefined;
}

function listTypeOf(text: string | undefined): Structural["listType"] {
  return text === "map" || text === "set" ? text : "atomic";
}
