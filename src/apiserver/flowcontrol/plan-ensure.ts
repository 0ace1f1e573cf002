/** What must be written so that the stored configuration has what this release brings; upstream's `ensurer`. @module */
import { parseBool, type KubeObject } from "#apimachinery";
import { semanticEqual } from "#api/validation/semantic-equal";
import { AUTO_UPDATE } from "./bootstrap-configuration.ts";

export interface ConfigurationObject extends KubeObject {
  readonly spec?: unknown;
}

export type EnsureStep =
  | { readonly type: "create"; readonly object: ConfigurationObject }
  /** At the resourceVersion of the object: who wrote it meanwhile is looked at the next time. */
  | { readonly type: "update"; readonly object: ConfigurationObject }
  | { readonly type: "delete"; readonly name: string };

export interface WantedObjects {
  /** Kept as they are in this release, whoever changes them. */
  readonly mandatory: readonly ConfigurationObject[];
  /** Kept so unless an operator says otherwise, by the annotation or by having changed the spec. */
  readonly suggested: readonly ConfigurationObject[];
}

/** Objects of one kind. */
export function planEnsure(
  stored: readonly ConfigurationObject[],
  wanted: WantedObjects,
): readonly EnsureStep[] {
  const byName = new Map(stored.map((object) => [object.metadata.name, object]));
  const all = [...wanted.suggested, ...wanted.mandatory];
  const names = new Set(all.map(({ metadata }) => metadata.name));
  const missing = all.flatMap((object): EnsureStep[] => {
    const current = byName.get(object.metadata.name);
    if (current === undefined) return [{ type: "create", object }];
    const revised = revise(current, object, wanted.mandatory.includes(object));
    return revised === undefined ? [] : [{ type: "update", object: revised }];
  });
  // What an earlier release brought, and nobody made their own.
  const surplus = stored.filter(
    ({ metadata }) => !names.has(metadata.name) && parseBool(metadata.annotations?.[AUTO_UPDATE]) === true,
  );
  return [
    ...missing,
    ...surplus.map(({ metadata }): EnsureStep => ({ type: "delete", name: metadata.name })),
  ];
}

function revise(
  current: ConfigurationObject,
  wanted: ConfigurationObject,
  isMandatory: boolean,
): ConfigurationObject | undefined {
  const updates = isMandatory || updatesSpec(current);
  const hasAnnotation = parseBool(current.metadata.annotations?.[AUTO_UPDATE]) === updates;
  const isAsWanted = !updates || semanticEqual(current.spec, specFor(current, wanted));
  if (hasAnnotation && isAsWanted) return undefined;
  const annotations = { ...current.metadata.annotations, [AUTO_UPDATE]: String(updates) };
  return {
    ...current,
    metadata: hasAnnotation ? current.metadata : { ...current.metadata, annotations },
    ...(!isAsWanted && { spec: wanted.spec }),
  };
}

/** Without a word of the operator, a spec that was never changed is still ours. */
function updatesSpec({ metadata }: ConfigurationObject): boolean {
  return parseBool(metadata.annotations?.[AUTO_UPDATE]) ?? metadata.generation === 1;
}

/** The shares of the exempt level are the operator's to choose. */
function specFor(current: ConfigurationObject, { metadata, spec }: ConfigurationObject): unknown {
  const exempt = (current.spec as { readonly exempt?: unknown } | undefined)?.exempt;
  const isExemptLevel =
    metadata.name === "exempt" && (spec as { readonly exempt?: unknown }).exempt !== undefined;
  return isExemptLevel && exempt !== undefined ? { ...(spec as object), exempt } : spec;
}
