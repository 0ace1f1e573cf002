/** What of a definition must be compiled to be judged: patterns, defaults, rules. Pure. @module */
import { field, jsonEqual, type StatusCause } from "#apimachinery";
import type { CustomResourceDefinition, JSONSchemaProps } from "#api/apiextensions/v1/types.gen";
import { checkRules } from "./cel/check-rules.ts";
import { withDefaults } from "./defaulting.ts";
import { pruneObject } from "./prune.ts";
import { patternError } from "./regex.ts";
import { isSchema, SchemaTooDeep, structuralOf, type Structural } from "./structural.ts";
import { validateValue } from "./validate-value.ts";

/** What is wrong, version by version. Those whose schema is that of `old` are not judged anew: what was let in stays. */
export function* checkDefinition(
  crd: CustomResourceDefinition,
  old?: CustomResourceDefinition,
): Generator<readonly StatusCause[]> {
  for (const [i, { name, schema }] of crd.spec.versions.entries()) {
    const props = schema?.openAPIV3Schema;
    if (props === undefined) continue;
    const before = old?.spec.versions.find((version) => version.name === name)?.schema?.openAPIV3Schema;
    if (before !== undefined && jsonEqual(before, props)) continue;
    const path = `spec.versions[${i}].schema.openAPIV3Schema`;
    try {
      yield checkSchema(props, path);
    } catch (err) {
      if (!(err instanceof SchemaTooDeep)) throw err;
      yield [field.forbidden(path, err.message)];
    }
  }
}

function checkSchema(props: JSONSchemaProps, path: string): readonly StatusCause[] {
  const causes = [...patterns(props, path), ...defaults(structuralOf(props), path)];
  return causes.length > 0 ? causes : checkRules(structuralOf(props), path);
}

function patterns(props: JSONSchemaProps, path: string): readonly StatusCause[] {
  const own = props.pattern === undefined || props.pattern === "" ? undefined : patternError(props.pattern);
  const { items, additionalProperties } = props;
  const list = (name: "allOf" | "anyOf" | "oneOf"): readonly StatusCause[] =>
    (props[name] ?? []).flatMap((child, i) => patterns(child, field.index(field.child(path, name), i)));
  return [
    ...(own === undefined
      ? []
      : [
          field.invalid(
            field.child(path, "pattern"),
            props.pattern,
            `must be a valid regular expression, but isn't: ${own}`,
          ),
        ]),
    ...Object.entries(props.properties ?? {}).flatMap(([name, child]) =>
      patterns(child, field.key(field.child(path, "properties"), name)),
    ),
    ...(isSchema(items) ? patterns(items, field.child(path, "items")) : []),
    ...(isSchema(additionalProperties)
      ? patterns(additionalProperties, field.child(path, "additionalProperties"))
      : []),
    ...list("allOf"),
    ...list("anyOf"),
    ...list("oneOf"),
    ...(props.not === undefined ? [] : patterns(props.not, field.child(path, "not"))),
  ];
}

/** A default must itself be what the schema asks for. */
function defaults(schema: Structural, path: string): readonly StatusCause[] {
  if (!schema.hasDefaults) return [];
  const { items, additional } = schema;
  return [
    ...(schema.default === undefined ? [] : ownDefault(schema, field.child(path, "default"))),
    ...Array.from(schema.properties).flatMap(([name, child]) =>
      defaults(child, field.key(field.child(path, "properties"), name)),
    ),
    ...(items === undefined ? [] : defaults(items, field.child(path, "items"))),
    ...(additional === undefined || additional === "any"
      ? []
      : defaults(additional, field.child(path, "additionalProperties"))),
  ];
}

function ownDefault(schema: Structural, path: string): readonly StatusCause[] {
  const value = schema.default;
  const holder = { ...EMPTY, properties: new Map([["value", schema]]), hasDefaults: true };
  const { object } = pruneObject({ value }, holder);
  if (!jsonEqual(object["value"], value)) return [field.invalid(path, value, "must not have unknown fields")];
  const complete = (withDefaults({ value }, holder) as { value: unknown }).value;
  return validateValue(complete, schema.props, path);
}

const EMPTY = structuralOf({ type: "object" });
