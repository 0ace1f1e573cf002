/** A kind that a CustomResourceDefinition added: what the server knows of it besides what it knows of every kind. @module */
import { StatusError, type Kind, type KubeObject, type StructSchema } from "#apimachinery";
import type { ResourceHooks } from "./resource-hooks.ts";

/** JSON paths in dot notation (`.spec.replicas`), as keys from the root. */
export interface ScalePaths {
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  readonly labelSelector?: readonly string[];
}

/** An object as its type has it, and the paths of what was dropped from it. */
export interface Pruned {
  readonly object: KubeObject;
  readonly unknownFields: readonly string[];
}

/** Conversions that somebody outside makes: they take time, and may fail. */
export interface OutsideConversion {
  /** Stored objects in this version, in order. */
  readonly read: (objects: readonly KubeObject[], signal: AbortSignal) => Promise<readonly KubeObject[]>;
  /** An object of this version as it is to be stored. */
  readonly write: (object: KubeObject, signal: AbortSignal) => Promise<KubeObject>;
}

export interface CustomResource {
  /** The kind in whose version objects are written to the store. */
  readonly stored: CustomKind;
  readonly listKind: string;
  /** The fields as apply walks them. */
  readonly schema: StructSchema;
  /** Drops what the schema does not know; throws BadRequest for metadata that is none. */
  readonly prune: (object: KubeObject) => Pruned;
  readonly applyDefaults: (object: KubeObject) => KubeObject;
  /** An object as a client sent it, in the version that is stored. Absent: this is that version. */
  readonly toStored?: (object: KubeObject) => KubeObject;
  /** A stored object as this version shows it. Absent: every stored object already looks like it. */
  readonly fromStored?: (object: KubeObject) => KubeObject;
  /** Present when `toStored` and `fromStored` cannot do without a webhook. */
  readonly conversion?: OutsideConversion;
  readonly scale?: ScalePaths;
  /** What users of the version are warned of. */
  readonly deprecationWarning?: string;
  /** The schema of the kind as OpenAPI shows it, without the metadata that every object has. */
  readonly openApi: (dialect: "v2" | "v3") => Readonly<Record<string, unknown>>;
  /** Its definition is being deleted: nothing is created any more. */
  readonly isTerminating: boolean;
  /** Changes with everything that OpenAPI shows. */
  readonly fingerprint: string;
}

export interface CustomKind extends Kind {
  readonly custom: CustomResource;
}

export function isCustomKind(kind: Pick<Kind, "group">): kind is CustomKind {
  return "custom" in kind;
}

/** Nothing is created while the definition goes. */
export function customHooks({ custom }: CustomKind): ResourceHooks {
  if (!custom.isTerminating) return {};
  return {
    beginCreate: async () => {
      throw new StatusError(
        "MethodNotAllowed",
        "create not allowed while custom resource definition is terminating",
      );
    },
  };
}
