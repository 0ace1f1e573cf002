/**
 * Option: who changes the owners of an object may delete it, and who blocks the deletion of an owner may set its
 * finalizers; upstream's OwnerReferencesPermissionEnforcement.
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { OwnerReference } from "#apimachinery";
import type { ServedResource } from "../registry/served-resource.ts";
import type { AuthorizationAttributes, Authorizer, Decision } from "../user-info.ts";
import type { AdmissionPlugin, Attributes } from "./plugin.ts";
import { refuse } from "./refuse.ts";

export interface OwnerFacts {
  readonly authorizer: Authorizer;
  readonly findKind: (apiVersion: string, kind: string) => ServedResource | undefined;
}

export function ownerReferencesPermissionEnforcement(facts: OwnerFacts): AdmissionPlugin {
  return {
    name: "OwnerReferencesPermissionEnforcement",
    operations: ["CREATE", "UPDATE"],
    validate(attributes) {
      // Status writers cannot change owners; upstream leaves pods alone because old kubelets garble them.
      if (attributes.resource === "core/pods" && attributes.subresource === "status") return undefined;
      const [now, before] = [ownersOf(attributes.object), ownersOf(attributes.oldObject)];
      if (isDeepStrictEqual(now, before)) return undefined;
      return check(attributes, newlyBlocking(now, before), facts);
    },
  };
}

async function check(
  attributes: Attributes,
  blocking: readonly OwnerReference[],
  { authorizer, findKind }: OwnerFacts,
): Promise<void> {
  const ask = async (more: Partial<AuthorizationAttributes>): Promise<Decision> =>
    authorizer.authorize({ ...defaultsOf(attributes), ...more });
  if (attributes.operation !== "CREATE") {
    const decision = await ask({ verb: "delete" });
    if (!decision.allowed) {
      throw refuse(attributes, `cannot set an ownerRef on a resource you can't delete: ${why(decision)}`);
    }
  }
  if (blocking.length === 0) return;
  const all = { group: "*", version: "*", resource: "*", name: "*", namespace: "" };
  if ((await ask({ ...all, verb: "update", subresource: "finalizers" })).allowed) return;
  for (const { apiVersion, kind, name } of blocking) {
    const owner = findKind(apiVersion, kind)?.kind;
    if (owner === undefined) {
      throw refuse(
        attributes,
        `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${apiVersion} Kind ${kind}: no matches for kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`,
      );
    }
    const decision = await ask({
      verb: "update",
      group: owner.group,
      version: owner.version,
      resource: owner.names.plural,
      subresource: "finalizers",
      name,
      // A namespaced owner lives where its dependents do.
      namespace: owner.scope === "Namespaced" ? attributes.namespace : "",
    });
    if (decision.allowed) continue;
    throw refuse(
      attributes,
      `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${why(decision)}`,
    );
  }
}

function defaultsOf({
  user,
  requestKind,
  subresource,
  namespace,
  name,
}: Attributes): AuthorizationAttributes {
  const { group, version, names } = requestKind;
  const what = { group, version, resource: names.plural, subresource, namespace, name };
  return { user, verb: "", isResourceRequest: true, path: "", ...what };
}

/** As upstream prints reason and error. */
function why({ reason = "", evaluationError }: Decision): string {
  return `${reason}, ${evaluationError ?? "<nil>"}`;
}

function ownersOf(object: Attributes["object"]): readonly OwnerReference[] {
  return object?.metadata?.ownerReferences ?? [];
}

function newlyBlocking(
  now: readonly OwnerReference[],
  before: readonly OwnerReference[],
): readonly OwnerReference[] {
  const blocked = new Set(
    before.filter(({ blockOwnerDeletion }) => blockOwnerDeletion === true).map(({ uid }) => uid),
  );
  return now.filter(({ blockOwnerDeletion, uid }) => blockOwnerDeletion === true && !blocked.has(uid));
}
