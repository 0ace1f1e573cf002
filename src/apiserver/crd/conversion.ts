/** Moving custom resources between the versions of their definition, and from what a definition said before. Pure. @module */
import { apiVersionOf, StatusError, type JsonObject, type KubeObject } from "#apimachinery";
import type { CustomResourceDefinition } from "#api/apiextensions/v1/types.gen";
import { withDefaults } from "./defaulting.ts";
import { pruneObject } from "./prune.ts";
import type { Structural } from "./structural.ts";

export interface Versions {
  readonly crd: CustomResourceDefinition;
  /** By apiVersion. */
  readonly schemaOf: (apiVersion: string) => Structural | undefined;
}

/** `object` as `version` writes it. Strategy None changes nothing but the name of the version. */
export function convertTo(crd: CustomResourceDefinition, object: KubeObject, version: string): KubeObject {
  const apiVersion = apiVersionOf({ group: crd.spec.group, version });
  if (object.apiVersion === apiVersion) return object;
  if (crd.spec.conversion?.strategy === "Webhook") {
    throw new StatusError(
      "InternalError",
      `conversion webhook for ${crd.spec.group}/${version}, Kind=${crd.spec.names.kind} failed: this server does not call conversion webhooks; only version ${object.apiVersion} can be served`,
    );
  }
  return { ...object, apiVersion };
}

/**
 * What stored objects look like in `version`: with the defaults of the version they are stored in, converted, without
 * fields that `version` does not have, and with its defaults. Remembers its answers for as long as the objects live.
 */
export function readerOf(versions: Versions, version: string): (object: KubeObject) => KubeObject {
  const known = new WeakMap<KubeObject, KubeObject>();
  const target = versions.schemaOf(apiVersionOf({ group: versions.crd.spec.group, version }));
  return (object) => {
    const before = known.get(object);
    if (before !== undefined) return before;
    const complete = defaultedBy(object, versions.schemaOf(object.apiVersion));
    const converted = convertTo(versions.crd, complete, version);
    const pruned = target === undefined ? converted : prunedBy(converted, target);
    const read = defaultedBy(pruned, target);
    known.set(object, read);
    return read;
  };
}

function defaultedBy(object: KubeObject, schema: Structural | undefined): KubeObject {
  if (schema === undefined) return object;
  return withDefaults(object as unknown as JsonObject, schema) as unknown as KubeObject;
}

function prunedBy(object: KubeObject, schema: Structural): KubeObject {
  return pruneObject(object as unknown as JsonObject, schema).object as unknown as KubeObject;
}

/** Every stored object was written by the definition as it is now, in `version`: bytes can be handed on as they are. */
export function isAlwaysCurrent(
  { metadata, spec, status }: CustomResourceDefinition,
  version: string,
): boolean {
  if ((metadata.generation ?? 1) > 1 || spec.versions.length > 1) return false;
  return (status?.storedVersions ?? []).every((stored) => stored === version);
}
