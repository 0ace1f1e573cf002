/** Objects as the rows of a metav1.Table: what `kubectl get` prints. @module */
import type { Kind, KubeObject } from "#apimachinery";
import { isCustomKind } from "../registry/custom-kind.ts";

export type IncludeObject = "None" | "Metadata" | "Object";

export function columnDefinitions(kind: Kind): readonly unknown[] {
  return kind.columns.map(({ name, type, format = "", description = "", wide }) => ({
    name,
    type,
    format,
    description,
    priority: wide === true ? 1 : 0,
  }));
}

export interface RowOptions {
  readonly nowMs: number;
  readonly includeObject: IncludeObject;
  /** Of the metadata that a row carries. */
  readonly apiVersion: string;
}

export function tableRow(kind: Kind, object: KubeObject, options: RowOptions): unknown {
  const { nowMs, includeObject, apiVersion } = options;
  // Upstream shows nothing of what a custom resource does not have.
  const missing = isCustomKind(kind) ? null : "<none>";
  const cells = kind.columns.map((column) => column.value(object, nowMs) ?? missing);
  if (includeObject === "None") return { cells, object: null };
  if (includeObject === "Object") return { cells, object };
  return { cells, object: metadataOf(object, apiVersion) };
}

/** Where a watch stands; whatever objects its rows include, this one says it in its metadata. */
export function bookmarkRow(bookmark: KubeObject, apiVersion: string): unknown {
  return { cells: [], object: metadataOf(bookmark, apiVersion) };
}

function metadataOf({ metadata }: KubeObject, apiVersion: string): unknown {
  return { kind: "PartialObjectMetadata", apiVersion, metadata };
}
