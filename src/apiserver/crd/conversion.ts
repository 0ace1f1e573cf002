/** Moving custom resources between the versions of their definition, and from what a definition said before. @module */
import { apiVersionOf, StatusError, type JsonObject, type KubeObject } from "#apimachinery";
import type { CustomResourceDefinition } from "#api/apiextensions/v1/types.gen";
import type { ConversionWebhook } from "./conversion-webhook.ts";
import { withDefaults } from "./defaulting.ts";
import { pruneObject } from "./prune.ts";
import type { Structural } from "./structural.ts";

export interface Versions {
  readonly crd: CustomResourceDefinition;
  /** By apiVersion. */
  readonly schemaOf: (apiVersion: string) => Structural | undefined;
  readonly webhook: ConversionWebhook;
}

export function asksWebhook(crd: CustomResourceDefinition): boolean {
  return crd.spec.conversion?.strategy === "Webhook";
}

/** `object` as `version` writes it. Strategy None changes nothing but the name of the version. */
export function convertTo(crd: CustomResourceDefinition, object: KubeObject, version: string): KubeObject {
  const apiVersion = apiVersionOf({ group: crd.spec.group, version });
  if (object.apiVersion === apiVersion) return object;
  if (!asksWebhook(crd)) return { ...object, apiVersion };
  const kind = `${object.apiVersion}, Kind=${crd.spec.names.kind}`;
  const why = "the webhook cannot be asked in this place";
  throw new StatusError("InternalError", `conversion webhook for ${kind} failed: ${why}`);
}

export interface VersionReader {
  /** Throws where only a webhook knows. */
  readonly read: (object: KubeObject) => KubeObject;
  readonly readAll: (objects: readonly KubeObject[], signal: AbortSignal) => Promise<readonly KubeObject[]>;
}

/**
 * What stored objects look like in `version`: with the defaults of the version they are stored in, converted, without
 * fields that `version` does not have, and with its defaults. Remembers its answers for as long as the objects live.
 */
export function readerOf({ crd, schemaOf, webhook }: Versions, version: string): VersionReader {
  const known = new WeakMap<KubeObject, KubeObject>();
  const apiVersion = apiVersionOf({ group: crd.spec.group, version });
  const complete = (object: KubeObject): KubeObject => defaultedBy(object, schemaOf(object.apiVersion));
  const finish = (object: KubeObject, converted: KubeObject): KubeObject => {
    const target = schemaOf(apiVersion);
    const read = defaultedBy(target === undefined ? converted : prunedBy(converted, target), target);
    known.set(object, read);
    return read;
  };
  const read = (object: KubeObject): KubeObject =>
    known.get(object) ?? finish(object, convertTo(crd, complete(object), version));
  return {
    read,
    readAll: async (objects, signal) => {
      const open = objects.filter((object) => object.apiVersion !== apiVersion && !known.has(object));
      if (open.length > 0 && asksWebhook(crd)) {
        const converted = await webhook(crd, open.map(complete), version, signal);
        for (const [i, object] of open.entries()) finish(object, converted[i]!);
      }
      return objects.map(read);
    },
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
