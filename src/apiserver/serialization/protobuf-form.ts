/** Which values have a protobuf form: everything built in, and nothing that a CustomResourceDefinition declares. @module */
import {
  apiVersionOf,
  isJsonObject,
  type Field,
  type GroupVersionKind,
  type ProtobufType,
  type StructSchema,
} from "#apimachinery";
import { lookup, lookupType } from "#api";
import type { ProtobufForm } from "../handlers/request.ts";

export const META_GROUP = "meta.k8s.io";

/** The schema of a type, undefined when it has no protobuf form. Options and Status belong to every group-version. */
export function protobufSchemaOf({ apiVersion, kind }: ProtobufType): StructSchema | undefined {
  const slash = apiVersion.indexOf("/");
  const group = slash < 0 ? "" : apiVersion.slice(0, slash);
  return lookup({ group, version: apiVersion.slice(slash + 1), kind }) ?? lookupType("meta/v1", kind);
}

/** How objects of a kind are encoded. */
export function protobufFormOfKind(kind: GroupVersionKind): ProtobufForm | undefined {
  const schema = lookup(kind);
  return schema && { apiVersion: apiVersionOf(kind), kind: kind.kind, schema };
}

/** How a value with `apiVersion` and `kind` is encoded. */
export function protobufFormOf(value: unknown): ProtobufForm | undefined {
  if (!isJsonObject(value)) return undefined;
  // Some documents of discovery never had an apiVersion.
  const { apiVersion = "v1", kind } = value;
  if (typeof apiVersion !== "string" || typeof kind !== "string") return undefined;
  const schema = protobufSchemaOf({ apiVersion, kind });
  return schema && { apiVersion, kind, schema };
}

let partial: StructSchema | undefined;

/** Metadata alone, of whatever kind. */
export function partialMetadataForm(apiVersion: string): ProtobufForm {
  const metadata: Field = {
    name: "metadata",
    schema: lookupType("meta/v1", "ObjectMeta")!,
    protobuf: [1],
  };
  partial ??= { type: "struct", name: "PartialObjectMetadata", fields: new Map([["metadata", metadata]]) };
  return { apiVersion, kind: "PartialObjectMetadata", schema: partial };
}
