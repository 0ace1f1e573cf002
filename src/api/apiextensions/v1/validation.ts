/** Rules for CustomResourceDefinitions: names and versions. Schemas are checked where they are compiled. @module */
import { field, isDns1035Label, isDns1123Subdomain } from "#apimachinery";
import { each, NONE, obeys, oneOf, requiredName, type Causes } from "../../validation/common.ts";
import type { CustomResourceDefinition, CustomResourceDefinitionSpec } from "./types.gen.ts";

export function validateCustomResourceDefinition({ metadata, spec }: CustomResourceDefinition): Causes {
  const expected = `${spec.names.plural}.${spec.group}`;
  const message = `must be spec.names.plural+"."+spec.group`;
  const stored = spec.versions.filter((version) => version.storage).length;
  const names = new Set<string>();
  return [
    ...(metadata.name === expected ? NONE : [field.invalid("metadata.name", metadata.name, message)]),
    ...validateGroup(spec.group),
    ...(spec.scope === ""
      ? [field.required("spec.scope")]
      : oneOf(spec.scope, ["Cluster", "Namespaced"], "spec.scope")),
    ...(spec.versions.length === 0
      ? [field.required("spec.versions", "must have at least one version")]
      : NONE),
    ...(stored === 1
      ? NONE
      : [
          field.invalid(
            "spec.versions",
            spec.versions.map((v) => v.name),
            "must have exactly one version marked as storage version",
          ),
        ]),
    ...each(spec.versions, "spec.versions", (version, at) => {
      const repeated = names.has(version.name);
      names.add(version.name);
      return [
        ...obeys(isDns1035Label, version.name, field.child(at, "name")),
        ...(repeated
          ? [field.invalid("spec.versions", version.name, "must contain unique version names")]
          : NONE),
        ...(version.schema?.openAPIV3Schema === undefined
          ? [field.required(field.child(at, "schema", "openAPIV3Schema"), "schemas are required")]
          : NONE),
      ];
    }),
    ...validateNames(spec),
  ];
}

function validateGroup(group: string): Causes {
  if (group === "") return [field.required("spec.group")];
  const causes = obeys(isDns1123Subdomain, group, "spec.group");
  if (causes.length > 0 || group.includes(".")) return causes;
  return [field.invalid("spec.group", group, "should be a domain with at least one dot")];
}

function validateNames({ names }: CustomResourceDefinitionSpec): Causes {
  const path = "spec.names";
  const lower = (name: string): Causes =>
    obeys(isDns1035Label, name.toLowerCase(), field.child(path, "kind"));
  const same = names.kind !== "" && names.kind === names.listKind;
  return [
    ...requiredName(isDns1035Label, names.plural, field.child(path, "plural")),
    ...requiredName(isDns1035Label, names.singular, field.child(path, "singular")),
    ...(names.kind === "" ? [field.required(field.child(path, "kind"))] : lower(names.kind)),
    ...(names.listKind ? NONE : [field.required(field.child(path, "listKind"))]),
    ...(same
      ? [
          field.invalid(
            field.child(path, "listKind"),
            names.listKind,
            "kind and listKind may not be the same",
          ),
        ]
      : NONE),
    ...each(names.shortNames, field.child(path, "shortNames"), (name, at) => obeys(isDns1035Label, name, at)),
    ...each(names.categories, field.child(path, "categories"), (name, at) => obeys(isDns1035Label, name, at)),
  ];
}
