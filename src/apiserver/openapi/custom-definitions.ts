/** Definitions of the kinds that CustomResourceDefinitions added: their schema, with the metadata of every object. @module */
import type { GroupVersionKind } from "#apimachinery";
import type { Scheme } from "#api";
import { isCustomKind, type CustomKind } from "../registry/custom-kind.ts";
import { gvkObject, refTo, type Dialect, type SchemaObject } from "./schema-object.ts";

const META = "io.k8s.apimachinery.pkg.apis.meta.v1";
const TEXTS = {
  apiVersion:
    "Version of the schema of this object. Servers convert recognized versions and may reject others. See https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources",
  kind: "Name of the REST resource that this object represents; it cannot be changed. See https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds",
  metadata:
    "Metadata of the object. See https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
  items: "The objects of the list.",
} as const;

export interface CustomDefinition {
  readonly object: (dialect: Dialect) => SchemaObject;
  /** Other definitions that it refers to. */
  readonly references: readonly string[];
}

/** By name. Bounded by the kinds of the scheme: two for each. */
export type CustomDefinitions = ReadonlyMap<string, CustomDefinition>;

/** `com.example.stable.v1.CronTab`: the labels of the group in reverse. */
export function customDefinition({ group, version, kind }: GroupVersionKind): string {
  return [...group.split(".").toReversed(), version, kind].join(".");
}

export function customDefinitions(scheme: Scheme): CustomDefinitions {
  return new Map(
    scheme.kinds.filter(isCustomKind).flatMap((kind) => {
      const list = { ...kind, kind: kind.custom.listKind };
      const own = {
        object: (dialect: Dialect) => objectOf(kind, dialect),
        references: [`${META}.ObjectMeta`],
      };
      const ofList = {
        object: (dialect: Dialect) => listOf(kind, dialect),
        references: [`${META}.ListMeta`, customDefinition(kind)],
      };
      return [
        [customDefinition(kind), own],
        [customDefinition(list), ofList],
      ] as const;
    }),
  );
}

function objectOf(kind: CustomKind, dialect: Dialect): SchemaObject {
  const schema = kind.custom.openApi(dialect);
  const gvk = { "x-kubernetes-group-version-kind": [gvkObject(kind)], ...selectable(kind) };
  // Clients of version 2 refuse every field but those that are shown: where all are kept, none is.
  if (dialect === "v2" && schema["x-kubernetes-preserve-unknown-fields"] === true)
    return { type: "object", ...gvk };
  return {
    ...schema,
    properties: {
      ...(schema["properties"] as SchemaObject | undefined),
      apiVersion: { description: TEXTS.apiVersion, type: "string" },
      kind: { description: TEXTS.kind, type: "string" },
      metadata: metadataRef("ObjectMeta", dialect),
    },
    ...gvk,
  };
}

function listOf(kind: CustomKind, dialect: Dialect): SchemaObject {
  return {
    description: `${kind.custom.listKind} is a list of ${kind.kind}`,
    type: "object",
    required: ["items"],
    properties: {
      apiVersion: { description: TEXTS.apiVersion, type: "string" },
      items: { description: TEXTS.items, type: "array", items: refTo(customDefinition(kind), dialect) },
      kind: { description: TEXTS.kind, type: "string" },
      metadata: metadataRef("ListMeta", dialect),
    },
    "x-kubernetes-group-version-kind": [gvkObject({ ...kind, kind: kind.custom.listKind })],
    ...selectable(kind),
  };
}

/** What field selectors may name besides the metadata. */
function selectable({ selectableFields = {} }: CustomKind): SchemaObject {
  const fields = Object.keys(selectableFields).map((fieldPath) => ({ fieldPath }));
  return fields.length === 0 ? {} : { "x-kubernetes-selectable-fields": fields };
}

function metadataRef(name: string, dialect: Dialect): SchemaObject {
  const ref = refTo(`${META}.${name}`, dialect);
  const description = TEXTS.metadata;
  return dialect === "v2" ? { description, ...ref } : { description, allOf: [ref] };
}
