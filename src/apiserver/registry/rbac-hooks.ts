/** Who writes roles and bindings must hold what they grant, or be allowed to `escalate` or `bind`; upstream's `policybased` storage. @module */
import { forbidden, notFound, type KubeObject } from "#apimachinery";
import type { ClusterRole, PolicyRule, RoleRef } from "#api/rbac/v1/types.gen";
import { semanticEqual } from "#api/validation/semantic-equal";
import { escalationRefusal, rulesFor, type RbacIndex } from "../authz/index.ts";
import { SYSTEM_MASTERS, type Authorizer } from "../user-info.ts";
import type { RequestContext } from "./context.ts";
import { nothingBegun, type Begun, type ResourceHooks } from "./resource-hooks.ts";

const GROUP = "rbac.authorization.k8s.io";
const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

/** Undefined: the write is allowed. Throws the refusal. */
type Check = (object: KubeObject, old: KubeObject | undefined, context: RequestContext) => Promise<void>;

/** A permission counts, or is gone, once its write is answered. */
export function rbacHooks(
  index: RbacIndex,
  authorizer: Authorizer,
): readonly (readonly [resource: string, hooks: ResourceHooks])[] {
  const roles =
    (plural: string): Check =>
    (object, old, context) =>
      checkRole(plural, object as ClusterRole, old as ClusterRole | undefined, context, index, authorizer);
  const bindings =
    (plural: string): Check =>
    (object, _old, context) =>
      checkBinding(plural, object as KubeObject & { roleRef: RoleRef }, context, index, authorizer);
  return [
    [`${GROUP}/roles`, hooksOf(roles("roles"))],
    [`${GROUP}/clusterroles`, hooksOf(roles("clusterroles"))],
    [`${GROUP}/rolebindings`, hooksOf(bindings("rolebindings"))],
    [`${GROUP}/clusterrolebindings`, hooksOf(bindings("clusterrolebindings"))],
  ];
}

function hooksOf(check: Check): ResourceHooks {
  const begin = async (
    object: KubeObject,
    old: KubeObject | undefined,
    context: RequestContext,
  ): Promise<Begun> => {
    const isFree = context.user.groups.includes(SYSTEM_MASTERS) || isForCollectorOnly(object, old);
    if (!isFree) await check(object, old, context);
    return nothingBegun(object);
  };
  return {
    answersWhenSeen: true,
    beginCreate: (object, context) => begin(object, undefined, context),
    beginUpdate: (object, old, context) => begin(object, old, context),
  };
}

/** Only what the garbage collector writes changes: owners and finalizers. */
function isForCollectorOnly(object: KubeObject, old: KubeObject | undefined): boolean {
  if (old === undefined) return false;
  const {
    ownerReferences: _owners,
    finalizers: _finalizers,
    managedFields: _fields,
    ...metadata
  } = object.metadata;
  const { ownerReferences, finalizers, managedFields } = old.metadata;
  const same = {
    ...metadata,
    ...(ownerReferences !== undefined && { ownerReferences }),
    ...(finalizers !== undefined && { finalizers }),
    ...(managedFields !== undefined && { managedFields }),
  };
  return semanticEqual({ ...object, metadata: same }, old);
}

async function checkRole(
  plural: string,
  role: ClusterRole,
  old: ClusterRole | undefined,
  { user, verb }: RequestContext,
  index: RbacIndex,
  authorizer: Authorizer,
): Promise<void> {
  const { namespace = "", name } = role.metadata;
  // As upstream, a POST names no object to be asked about; PUT and apply do, also of what is not there.
  const asked = { verb: "escalate", resource: plural, name: verb === "create" ? "" : name, namespace };
  if (await isAllowed(authorizer, user, asked)) return;
  const owned = rulesFor(index, user, namespace);
  const refusal = escalationRefusal(user, owned, role.rules ?? []);
  if (refusal !== undefined) throw forbidden({ group: GROUP, resource: plural }, name, refusal);
  if (!isAggregated(role) && !isAggregated(old)) return;
  if (escalationRefusal(user, owned, EVERYTHING) === undefined) return;
  throw forbidden(
    { group: GROUP, resource: plural },
    name,
    "must have cluster-admin privileges to use the aggregationRule",
  );
}

function isAggregated(role: ClusterRole | undefined): boolean {
  return (role?.aggregationRule?.clusterRoleSelectors ?? []).length > 0;
}

async function checkBinding(
  plural: string,
  { metadata, roleRef }: KubeObject & { readonly roleRef: RoleRef },
  { user }: RequestContext,
  index: RbacIndex,
  authorizer: Authorizer,
): Promise<void> {
  const { namespace = "", name } = metadata;
  const resource = roleRef.kind === "Role" ? "roles" : "clusterroles";
  if (await isAllowed(authorizer, user, { verb: "bind", resource, name: roleRef.name, namespace })) return;
  const rules = index.rulesOfRole(roleRef, namespace);
  if (rules === undefined) throw notFound({ group: GROUP, resource }, roleRef.name);
  const refusal = escalationRefusal(user, rulesFor(index, user, namespace), rules);
  if (refusal !== undefined) throw forbidden({ group: GROUP, resource: plural }, name, refusal);
}

interface Asked {
  readonly verb: string;
  readonly resource: string;
  readonly name: string;
  readonly namespace: string;
}

async function isAllowed(
  authorizer: Authorizer,
  user: RequestContext["user"],
  asked: Asked,
): Promise<boolean> {
  const attributes = { user, isResourceRequest: true, path: "", group: GROUP, version: "*", subresource: "" };
  return (await authorizer.authorize({ ...attributes, ...asked })).allowed;
}
