/** An object that somebody changed on its way, as it goes on: fields that nobody knows go, defaults of new ones come. @module */
import { decodeTyped, messageOf, StatusError, type GroupVersionKind, type KubeObject } from "#apimachinery";
import { lookup } from "#api";
import type { ServedResource } from "../../registry/served-resource.ts";

export interface Completed {
  /** As it is stored. */
  readonly object: KubeObject;
  readonly unknownFields: readonly string[];
}

/** `changed` is in the version of `served`, or of `objectKind`: what is stored nowhere (an Eviction, PodExecOptions). */
export function complete(
  { custom, schema, applyDefaults, toStored }: ServedResource,
  objectKind: GroupVersionKind | undefined,
  changed: KubeObject,
): Completed {
  const own = objectKind === undefined ? schema : lookup(objectKind);
  const isCustom = custom !== undefined && objectKind === undefined;
  const known = isCustom
    ? custom.prune(changed)
    : own?.type === "struct"
      ? decodeTyped(changed, own)
      : { object: changed, unknownFields: [] };
  const { unknownFields } = known;
  const object = known.object as unknown as KubeObject;
  if (objectKind !== undefined) return { object, unknownFields };
  const defaulted = applyDefaults(object);
  return { object: toStored === undefined ? defaulted : toStored(defaulted), unknownFields };
}

/** Why a patch does not apply, in the words of the patch library. */
export function patchProblem(problem: unknown): string {
  const why = problem instanceof StatusError && problem.cause instanceof Error ? problem.cause : problem;
  return messageOf(why);
}
