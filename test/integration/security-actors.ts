/** Objects and users of a test's server, made as its administrator. @module */
import assert from "node:assert/strict";
import type { Kind, KubeObject } from "#apimachinery";
import { ClusterRoleBindings } from "#api/rbac/v1/clusterrolebinding";
import { ClusterRoles } from "#api/rbac/v1/clusterrole";
import { RoleBindings } from "#api/rbac/v1/rolebinding";
import type { KeyPairPem } from "#component-base/pki";
import { forever, type Answered, type SecurityServer } from "./security-server.ts";

export const RBAC_GROUP = "rbac.authorization.k8s.io";

/** Of any kind, in a namespace if it is of one. */
export async function make<T extends KubeObject>(
  cluster: SecurityServer,
  kind: Kind<T>,
  name: string,
  fields: object = {},
  namespace = "default",
): Promise<T> {
  const { group, version, kind: named, scope } = kind;
  const metadata = { name, ...(scope === "Namespaced" && { namespace }) };
  const apiVersion = group === "" ? version : `${group}/${version}`;
  const object = { apiVersion, kind: named, metadata, ...fields } as unknown as T;
  return cluster.admin.create(kind, object, forever);
}

/** A certificate of a user who has these rights, in one namespace or in all. */
export async function userWith(
  cluster: SecurityServer,
  name: string,
  rules: readonly object[],
  namespace?: string,
): Promise<KeyPairPem> {
  await make(cluster, ClusterRoles, name, { rules });
  const fields = {
    roleRef: { apiGroup: RBAC_GROUP, kind: "ClusterRole", name },
    subjects: [{ kind: "User", apiGroup: RBAC_GROUP, name }],
  };
  if (namespace === undefined) await make(cluster, ClusterRoleBindings, name, fields);
  else await make(cluster, RoleBindings, name, fields, namespace);
  return cluster.certificate(name);
}

export function refusedAs(
  { code, json, text }: Answered,
  expected: number,
  message: RegExp,
  what = "",
): void {
  assert.equal(code, expected, `${what} ${text}`);
  assert.match(json.message ?? "", message, what);
}
