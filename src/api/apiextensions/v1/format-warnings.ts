/** Formats of schemas that nobody checks values by: upstream warns of those that an update brings. @module */
import type { CustomResourceDefinition, JSONSchemaProps } from "./types.gen.ts";
import { schemaIn } from "./validate-structural.ts";

const STRING_FORMATS: ReadonlySet<string> = new Set(
  "bsonobjectid uri email hostname ipv4 ipv6 cidr mac uuid uuid3 uuid4 uuid5 isbn isbn10 isbn13 creditcard ssn hexcolor rgbcolor byte password date duration datetime k8sshortname k8slongname".split(
    " ",
  ),
);
const NUMBER_FORMATS: Readonly<Record<string, readonly string[]>> = {
  integer: ["int32", "int64"],
  number: ["float", "double"],
};

export function formatWarnings(
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
  subresource: string,
): readonly string[] {
  if (subresource === "status") return [];
  const known = new Set(old === undefined ? [] : unrecognized(old));
  return unrecognized(crd)
    .filter((format) => !known.has(format))
    .map((format) => `unrecognized format ${JSON.stringify(format)}`);
}

function unrecognized({ spec }: CustomResourceDefinition): readonly string[] {
  return spec.versions.flatMap(({ schema }) => {
    const root = schemaIn(schema?.openAPIV3Schema);
    return root === undefined ? [] : inSchema(root);
  });
}

function inSchema(schema: JSONSchemaProps): readonly string[] {
  const { format, type = "" } = schema;
  const own = format !== undefined && format !== "" && !isRecognized(format, type) ? [format] : [];
  return [...own, ...below(schema).flatMap(inSchema)];
}

function isRecognized(format: string, type: string): boolean {
  if (type === "" || type === "string") return STRING_FORMATS.has(format.replaceAll("-", ""));
  return NUMBER_FORMATS[type]?.includes(format) === true;
}

function below(schema: JSONSchemaProps): readonly JSONSchemaProps[] {
  const { items, additionalProperties, not, properties, allOf, anyOf, oneOf } = schema;
  const candidates: readonly unknown[] = [
    ...(Array.isArray(items) ? (items as readonly unknown[]) : [items]),
    ...(allOf ?? []),
    ...(oneOf ?? []),
    ...(anyOf ?? []),
    not,
    ...Object.values(properties ?? {}),
    additionalProperties,
  ];
  return candidates.flatMap((candidate) => {
    const found = schemaIn(candidate);
    return found === undefined ? [] : [found];
  });
}
