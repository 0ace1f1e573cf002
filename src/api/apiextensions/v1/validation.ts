/** Rules for CustomResourceDefinitions; upstream's `apiextensions/validation`. What must be compiled (patterns, CEL) is checked where it is. @module */
import { field, isDns1035Label, isDns1123Subdomain } from "#apimachinery";
import { each, immutable, NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { validateApproval } from "./approval.ts";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
} from "./types.gen.ts";
import { validateConversion } from "./validate-conversion.ts";
import { validateSchema } from "./validate-schema.ts";
import { schemaIn, validateStructural } from "./validate-structural.ts";
import { validateColumn, validateSelectableFields, validateSubresources } from "./validate-version.ts";

export function validateCustomResourceDefinition(crd: CustomResourceDefinition): Causes {
  const { metadata, spec } = crd;
  const expected = `${spec.names.plural}.${spec.group}`;
  const message = `must be spec.names.plural+"."+spec.group`;
  return [
    ...(metadata.name === expected ? NONE : [field.invalid("metadata.name", metadata.name, message)]),
    ...validateSpec(spec),
    ...validateStoredVersions(crd),
  ];
}

/** What only new definitions are asked for. */
export function validateCreate(crd: CustomResourceDefinition): Causes {
  return [...validateApproval(crd), ...validatePreserve(crd)];
}

export function validateUpdate(crd: CustomResourceDefinition, old: CustomResourceDefinition): Causes {
  const { spec } = crd;
  const isEstablished =
    old.status?.conditions?.some((c) => c.type === "Established" && c.status === "True") === true;
  return [
    ...(isEstablished
      ? [
          ...immutable(spec.scope, old.spec.scope, "spec.scope"),
          ...immutable(spec.names.kind, old.spec.names.kind, "spec.names.kind"),
        ]
      : NONE),
    ...immutable(spec.group, old.spec.group, "spec.group"),
    ...immutable(spec.names.plural, old.spec.names.plural, "spec.names.plural"),
    ...validateApproval(crd, old),
    ...(old.spec.preserveUnknownFields === true ? NONE : validatePreserve(crd)),
  ];
}

function validateSpec(spec: CustomResourceDefinitionSpec): Causes {
  const stored = spec.versions.filter((version) => version.storage).length;
  const names = spec.versions.map((version) => version.name);
  return [
    ...validateGroup(spec.group),
    ...(spec.scope === ""
      ? [field.required("spec.scope")]
      : oneOf(spec.scope, ["Cluster", "Namespaced"], "spec.scope")),
    ...each(spec.versions, "spec.versions", ({ schema }, at) =>
      schema?.openAPIV3Schema === undefined
        ? [field.required(field.child(at, "schema", "openAPIV3Schema"))]
        : NONE,
    ),
    ...each(spec.versions, "spec.versions", validateVersion),
    ...(new Set(names).size === names.length
      ? NONE
      : [field.invalid("spec.versions", spec.versions, "must contain unique version names")]),
    ...(stored === 1
      ? NONE
      : [
          field.invalid(
            "spec.versions",
            spec.versions,
            "must have exactly one version marked as storage version",
          ),
        ]),
    ...validateNames(spec.names),
    ...validateConversion(spec),
  ];
}

function validateGroup(group: string): Causes {
  if (group === "") return [field.required("spec.group")];
  const causes = isDns1123Subdomain(group);
  if (causes.length > 0) return [field.invalid("spec.group", group, causes.join(","))];
  if (group.includes(".")) return NONE;
  return [field.invalid("spec.group", group, "should be a domain with at least one dot")];
}

function validateVersion(version: CustomResourceDefinitionVersion, path: string): Causes {
  const schema = schemaIn(version.schema?.openAPIV3Schema);
  const at = field.child(path, "schema", "openAPIV3Schema");
  return [
    ...obeys(isDns1035Label, version.name, field.child(path, "name")),
    ...validateDeprecation(version, path),
    ...(schema === undefined
      ? NONE
      : [...validateRoot(version, at), ...validateStructural(schema, at), ...validateSchema(schema, at)]),
    ...validateSubresources(version.subresources, field.child(path, "subresources")),
    ...each(version.additionalPrinterColumns, field.child(path, "additionalPrinterColumns"), validateColumn),
    ...validateSelectableFields(version, field.child(path, "selectableFields")),
  ];
}

const DEPRECATION_LENGTH_MAX = 256;

function validateDeprecation(
  { deprecated, deprecationWarning: text }: CustomResourceDefinitionVersion,
  path: string,
): Causes {
  if (text === undefined) return NONE;
  const problems = [
    ...(deprecated === true ? [] : ["can only be set for deprecated versions"]),
    ...(text.length > DEPRECATION_LENGTH_MAX ? ["must be <= 256 characters long"] : []),
    ...(text === "" ? ["must not be an empty string"] : []),
  ];
  const control = Array.from(text).findIndex((c) => /\p{C}/u.test(c));
  if (control >= 0) {
    problems.push(
      `must only contain printable UTF-8 characters; non-printable character found at index ${control}`,
    );
  }
  return problems.map((why) => field.invalid(field.child(path, "deprecationWarning"), text, why));
}

/** With a status subresource, the status is validated by its part of the schema alone: the root may not say more about it. */
const ALLOWED_AT_ROOT: readonly string[] = [
  "Description",
  "Type",
  "Format",
  "Title",
  "Maximum",
  "ExclusiveMaximum",
  "Minimum",
  "ExclusiveMinimum",
  "MaxLength",
  "MinLength",
  "Pattern",
  "MaxItems",
  "MinItems",
  "UniqueItems",
  "MultipleOf",
  "Required",
  "Items",
  "Properties",
  "ExternalDocs",
  "Example",
  "XPreserveUnknownFields",
  "XValidations",
];
const ROOT_NAMES: Readonly<Record<string, string>> = {
  "x-kubernetes-preserve-unknown-fields": "XPreserveUnknownFields",
  "x-kubernetes-validations": "XValidations",
};

function validateRoot(version: CustomResourceDefinitionVersion, path: string): Causes {
  const schema = version.schema!.openAPIV3Schema!;
  const causes: Causes[number][] = [];
  if (version.subresources?.status !== undefined) {
    const stranger = Object.entries(schema).some(([key, value]) => {
      const name = ROOT_NAMES[key] ?? key.slice(0, 1).toUpperCase() + key.slice(1);
      return value !== undefined && value !== false && !ALLOWED_AT_ROOT.includes(name);
    });
    if (stranger) {
      const why = `only [${ALLOWED_AT_ROOT.join(" ")}] fields are allowed at the root of the schema if the status subresource is enabled`;
      causes.push(field.invalid(path, schema, why));
    }
  }
  if (schema.nullable === true) {
    causes.push(field.forbidden(`${path}.nullable`, "nullable cannot be true at the root"));
  }
  return causes;
}

function validateNames(names: CustomResourceDefinitionNames): Causes {
  const path = "spec.names";
  const at = (name: string): string => field.child(path, name);
  const required = (["plural", "singular", "kind", "listKind"] as const)
    .filter((name) => !names[name])
    .map((name) => field.required(at(name)));
  const mixed = "may have mixed case, but should otherwise match: ";
  return [
    ...required,
    ...label(names.plural, at("plural")),
    ...label(names.singular, at("singular")),
    ...label(names.kind, at("kind"), mixed),
    ...label(names.listKind, at("listKind"), mixed),
    ...each(names.shortNames, at("shortNames"), (name, where) => label(name, where)),
    ...(names.kind !== "" && names.kind === names.listKind
      ? [field.invalid(at("listKind"), names.listKind, "kind and listKind may not be the same")]
      : NONE),
    ...each(names.categories, at("categories"), (name, where) => label(name, where)),
  ];
}

function label(value: string | undefined, where: string, prefix = ""): Causes {
  const problems = value ? isDns1035Label(prefix === "" ? value : value.toLowerCase()) : [];
  return problems.length === 0 ? NONE : [field.invalid(where, value, prefix + problems.join(","))];
}

function validateStoredVersions({ spec, status }: CustomResourceDefinition): Causes {
  const path = "status.storedVersions";
  const stored = status?.storedVersions ?? [];
  const names = spec.versions.map((version) => version.name);
  const storage = spec.versions.find((version) => version.storage)?.name;
  if (stored.length === 0) {
    // Without a storage version there is none to remember, and that is told already.
    return storage === undefined
      ? NONE
      : [field.invalid(path, stored, "must have at least one stored version")];
  }
  return [
    ...(storage === undefined || stored.includes(storage)
      ? NONE
      : [field.invalid(path, stored, `must have the storage version ${storage}`)]),
    ...each(stored, path, (name, at) =>
      names.includes(name)
        ? NONE
        : [
            field.invalid(
              at,
              name,
              `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
            ),
          ],
    ),
  ];
}

function validatePreserve({ spec }: CustomResourceDefinition): Causes {
  if (spec.preserveUnknownFields !== true) return NONE;
  const why =
    "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
  return [field.invalid("spec.preserveUnknownFields", true, why)];
}
