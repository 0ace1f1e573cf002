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

export function tableRow(
  kind: Kind,
  object: KubeObject,
  nowMs: number,
  includeObject: IncludeObject,
): unknown {
  // Upstream shows nothing of what a custom resource does not have.
  const missing = isCustomKind(kind) ? null : "<none>";
  const cells = kind.columns.map((column) => column.value(object, nowMs) ?? missing);
  const own = kind.rowConditions?.(object) ?? [];
  const conditions = own.length > 0 && { conditions: own };
  if (includeObject === "None") return { cells, ...conditions, object: null };
  if (includeObject === "Object") return { cells, ...conditions, object };
  return {
    cells,
    ...conditions,
    object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata },
  };
}
