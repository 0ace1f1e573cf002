/** The parameters that a binding gives its policy; upstream's `CollectParams`. @module */
import { labels, type KubeObject } from "#apimachinery";
import type { ParamKind, ParamRef } from "#api/admissionregistration/v1/types.gen";
import type { ServedResource } from "../../registry/served-resource.ts";
import type { ObjectLookup } from "../object-lookup.ts";

/** What a policy or binding says that cannot be done; its failure policy decides. */
export class ConfigurationError extends Error {}

export interface ParamFacts {
  readonly lookup: ObjectLookup;
  readonly findKind: (apiVersion: string, kind: string) => ServedResource | undefined;
}

/** The resource of a policy's parameters; undefined when it has none. Throws ConfigurationError. */
export function paramResource(
  paramKind: ParamKind | undefined,
  { findKind }: ParamFacts,
): ServedResource | undefined {
  if (paramKind === undefined) return undefined;
  const { apiVersion = "", kind = "" } = paramKind;
  const found = findKind(apiVersion, kind);
  if (found !== undefined) return found;
  const shown = apiVersion.includes("/") ? apiVersion : `/${apiVersion}`;
  throw new ConfigurationError(`failed to find resource referenced by paramKind: '${shown}, Kind=${kind}'`);
}

/** One evaluation for each; `[undefined]` for one without parameters. Throws ConfigurationError. */
export function collectParams(
  resource: ServedResource | undefined,
  paramRef: ParamRef | undefined,
  namespace: string,
  { lookup }: ParamFacts,
): readonly (KubeObject | undefined)[] {
  if (resource === undefined || paramRef === undefined) return [undefined];
  const where = paramNamespace(resource, paramRef, namespace);
  const found = select(resource, paramRef, where, lookup);
  if (found.length === 0 && paramRef.parameterNotFoundAction === "Deny") {
    throw new ConfigurationError("no params found for policy binding with `Deny` parameterNotFoundAction");
  }
  const { fromStored } = resource;
  return fromStored === undefined ? found : found.map(fromStored);
}

function paramNamespace({ kind }: ServedResource, paramRef: ParamRef, namespace: string): string {
  const own = paramRef.namespace ?? "";
  if (kind.scope !== "Namespaced") {
    if (own === "") return "";
    throw new ConfigurationError("paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
  }
  if (own !== "") return own;
  if (namespace !== "") return namespace;
  throw new ConfigurationError(
    "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources",
  );
}

function select(
  { resource }: ServedResource,
  { name = "", selector }: ParamRef,
  namespace: string,
  lookup: ObjectLookup,
): readonly KubeObject[] {
  if (name !== "") {
    const found = lookup.get(resource, namespace, name);
    return found === undefined ? [] : [found];
  }
  const wanted = labels.fromLabelSelector(selector ?? {});
  return lookup.list(resource, namespace).filter(({ metadata }) => labels.matches(wanted, metadata.labels));
}
