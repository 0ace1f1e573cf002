/** Role based access control: a request is allowed when a role bound to its user has a rule for it. @module */
import type { PolicyRule } from "#api/rbac/v1/types.gen";
import type { AuthorizationAttributes, Authorizer, Decision, UserInfo } from "../../user-info.ts";
import type { Binding, RbacIndex } from "./rbac-index.ts";
import { ruleAllows } from "./rules.ts";

export function rbacAuthorizer(index: RbacIndex): Authorizer {
  return { authorize: (attributes) => decide(index, attributes) };
}

/** All rules that a user has in a namespace; answers SelfSubjectRulesReview and escalation checks. */
export function rulesFor(index: RbacIndex, user: UserInfo, namespace: string): PolicyRule[] {
  return [...index.bindingsOf(user, namespace)].flatMap((binding) => index.rulesOf(binding) ?? []);
}

/** Roles that bindings of the user name and that do not exist. */
export function missingRoles(index: RbacIndex, user: UserInfo, namespace: string): string[] {
  return [...index.bindingsOf(user, namespace)].flatMap((binding) =>
    index.rulesOf(binding) === undefined ? [notFound(binding)] : [],
  );
}

function decide(index: RbacIndex, attributes: AuthorizationAttributes): Decision {
  const missing: string[] = [];
  const namespace = attributes.isResourceRequest ? attributes.namespace : "";
  for (const binding of index.bindingsOf(attributes.user, namespace)) {
    const rules = index.rulesOf(binding);
    if (rules === undefined) missing.push(notFound(binding));
    else if (rules.some((rule) => ruleAllows(rule, attributes)))
      return { allowed: true, reason: allowedBy(binding, attributes.user) };
  }
  if (missing.length === 0) return { allowed: false };
  return { allowed: false, reason: `RBAC: ${missing.length === 1 ? missing[0] : `[${missing.join(", ")}]`}` };
}

function notFound({ roleRef }: Binding): string {
  return `${roleRef.kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(roleRef.name)} not found`;
}

function allowedBy({ kind, metadata, roleRef, subjects = [] }: Binding, user: UserInfo): string {
  const found = subjects.find((subject) =>
    subject.kind === "Group"
      ? user.groups.includes(subject.name)
      : subject.kind === "User"
        ? user.name === subject.name
        : user.name.endsWith(`:${subject.name}`),
  );
  const account = found?.kind === "ServiceAccount" ? `/${found.namespace ?? metadata.namespace ?? ""}` : "";
  const who = found && `${found.kind} "${found.name}${account}"`;
  const name = metadata.namespace === undefined ? metadata.name : `${metadata.name}/${metadata.namespace}`;
  return `RBAC: allowed by ${kind} "${name}" of ${roleRef.kind} "${roleRef.name}" to ${who}`;
}
