/** For table tests of validation: everything a kind has to say of an object, as one line per cause. @module */
import type { Kind, KubeObject, StatusCause } from "#apimachinery";
import { newScheme } from "./scheme.ts";

function lines(causes: readonly StatusCause[] | undefined): readonly string[] {
  return (causes ?? []).map(({ field, message }) => `${field}: ${message}`);
}

/** A body as a user writes it, of the kind, with the kind's defaults. */
export function objectOf<T extends KubeObject>(kind: Kind<T>, body: object): T {
  const { group, version } = kind;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  const object = { apiVersion, kind: kind.kind, metadata: { name: "a" }, ...body } as unknown as T;
  return newScheme([kind as unknown as Kind]).applyDefaults(object);
}

export function onCreate<T extends KubeObject>(kind: Kind<T>, body: object): readonly string[] {
  const object = objectOf(kind, body);
  return [...lines(kind.validate?.(object)), ...lines(kind.validateCreate?.(object))];
}

export function onUpdate<T extends KubeObject>(
  kind: Kind<T>,
  body: object,
  oldBody: object,
): readonly string[] {
  const [object, old] = [objectOf(kind, body), objectOf(kind, oldBody)];
  return [...lines(kind.validate?.(object, old)), ...lines(kind.validateUpdate?.(object, old))];
}

export function onStatus<T extends KubeObject>(
  kind: Kind<T>,
  body: object,
  oldBody: object,
): readonly string[] {
  return lines(kind.validateStatusUpdate?.(objectOf(kind, body), objectOf(kind, oldBody)));
}

export function warningsOf<T extends KubeObject>(
  kind: Kind<T>,
  body: object,
  oldBody?: object,
  subresource = "",
): readonly string[] {
  const old = oldBody === undefined ? undefined : objectOf(kind, oldBody);
  return kind.strategy?.warnings?.(objectOf(kind, body), old, subresource) ?? [];
}
