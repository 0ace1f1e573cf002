/** The scale of custom resources: numbers at the paths that their definition names. Pure. @module */
import {
  isJsonObject,
  own,
  put,
  StatusError,
  valueAt,
  type KubeObject,
  type MutableJsonObject,
} from "#apimachinery";
import type { Scale } from "#api/autoscaling/v1/types.gen";
import type { ScalePaths } from "../registry/custom-kind.ts";

export function customScale(paths: ScalePaths): {
  readonly read: (object: KubeObject) => Pick<Scale, "spec" | "status">;
  readonly write: (object: KubeObject, replicas: number) => KubeObject;
} {
  return {
    read: (object) => {
      const replicas = valueAt(object, paths.specReplicas);
      if (replicas === undefined) {
        const why = `the spec replicas field ${JSON.stringify(`.${paths.specReplicas.join(".")}`)} does not exist`;
        throw new StatusError("InternalError", `Internal error occurred: ${why}`);
      }
      const selector = paths.labelSelector === undefined ? undefined : valueAt(object, paths.labelSelector);
      return {
        spec: { replicas: numberOf(replicas) },
        status: {
          replicas: numberOf(valueAt(object, paths.statusReplicas)),
          ...(typeof selector === "string" && selector !== "" && { selector }),
        },
      };
    },
    write: (object, replicas) => withValueAt(object, paths.specReplicas, replicas) as KubeObject,
  };
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function withValueAt(value: unknown, [key, ...rest]: readonly string[], leaf: unknown): unknown {
  if (key === undefined) return leaf;
  const out: MutableJsonObject = isJsonObject(value) ? { ...value } : {};
  put(out, key, withValueAt(own(out, key), rest, leaf));
  return out;
}
