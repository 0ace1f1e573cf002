/** Schemas of an OpenAPI document without references: what an expression can see of a kind. Pure. @module */
import { isJsonObject, type JsonObject } from "#apimachinery";

export interface OpenApiDocument {
  readonly components?: { readonly schemas?: Readonly<Record<string, JsonObject>> };
}

/** Types that hold themselves, as those of JSON schemas do, cannot be written out. */
export class CircularSchema extends Error {}

const PREFIX = "#/components/schemas/";
const QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/** Undefined when the document has no such kind. Throws CircularSchema. */
export function schemaOfKind(
  { components }: OpenApiDocument,
  wanted: { readonly group: string; readonly version: string; readonly kind: string },
): JsonObject | undefined {
  const schemas = components?.schemas ?? {};
  const found = Object.values(schemas).find((schema) =>
    kindsOf(schema).some(
      ({ group, version, kind }) =>
        group === wanted.group && version === wanted.version && kind === wanted.kind,
    ),
  );
  return found === undefined ? undefined : resolved(found, schemas, []);
}

function kindsOf(schema: JsonObject): readonly JsonObject[] {
  const kinds = schema["x-kubernetes-group-version-kind"];
  return Array.isArray(kinds) ? kinds.filter(isJsonObject) : [];
}

function resolved(
  schema: JsonObject,
  schemas: Readonly<Record<string, JsonObject>>,
  within: readonly string[],
): JsonObject {
  const { $ref: ref, allOf, ...own } = schema;
  if (typeof ref === "string") return { ...named(ref, schemas, within), ...own };
  // A reference with a default or a description stands in an allOf of its own.
  const [only, ...others] = Array.isArray(allOf) ? allOf : [];
  if (isJsonObject(only) && others.length === 0) return { ...resolved(only, schemas, within), ...own };
  const below = (child: unknown): unknown => (isJsonObject(child) ? resolved(child, schemas, within) : child);
  const { properties, items, additionalProperties } = own;
  return {
    ...own,
    ...(own["format"] === "int-or-string" && { "x-kubernetes-int-or-string": true }),
    ...(isJsonObject(properties) && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, below(child)])),
    }),
    ...(items !== undefined && { items: below(items) }),
    ...(additionalProperties !== undefined && { additionalProperties: below(additionalProperties) }),
  };
}

function named(
  ref: string,
  schemas: Readonly<Record<string, JsonObject>>,
  within: readonly string[],
): JsonObject {
  const name = ref.slice(PREFIX.length);
  // Expressions see quantities as text.
  if (name === QUANTITY) return { type: "string" };
  if (within.includes(name)) throw new CircularSchema(`circular ref to schema ${name}`);
  const found = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
  return found === undefined ? {} : resolved(found, schemas, [...within, name]);
}
