/** What a stored role or binding of the bootstrap policy lacks, completed; what was added to it stays. Pure. @module */
import { jsonEqual } from "#apimachinery";
import type { ClusterRole, RoleBinding, Subject } from "#api/rbac/v1/types.gen";
import type { Binding, RbacObject } from "./rbac-index.ts";
import { uncovered } from "./rules.ts";

export const AUTO_UPDATE = "rbac.authorization.kubernetes.io/autoupdate";

export type Plan =
  | { readonly type: "none" }
  | { readonly type: "update"; readonly object: RbacObject }
  /** A binding to another role: that cannot be changed. */
  | { readonly type: "recreate"; readonly object: RbacObject };

/**
 * Subjects that the policy once had and that must not stay: nodes that RBAC lets read everything of `system:node` need no
 * node authorizer. By name of the binding.
 */
const RETIRED: Readonly<Record<string, (subject: Subject) => boolean>> = {
  "system:node": ({ kind, name }) => kind === "Group" && name === "system:nodes",
};

const NONE: Plan = { type: "none" };

/** Objects whose annotation says so are left alone. */
export function planReconciliation(existing: RbacObject, expected: RbacObject): Plan {
  if (existing.metadata.annotations?.[AUTO_UPDATE] === "false") return NONE;
  const metadata = {
    ...existing.metadata,
    labels: { ...expected.metadata.labels, ...existing.metadata.labels },
    annotations: { ...expected.metadata.annotations, ...existing.metadata.annotations },
  };
  if (isBinding(existing) && isBinding(expected)) return planBinding(existing, expected, metadata);
  return planRole(existing as ClusterRole, expected as ClusterRole, metadata);
}

function planRole(existing: ClusterRole, expected: ClusterRole, metadata: ClusterRole["metadata"]): Plan {
  // The rules of an aggregated role are those of others, which a controller puts in.
  const wanted = expected.aggregationRule === undefined ? (expected.rules ?? []) : [];
  const missing = uncovered(existing.rules ?? [], wanted);
  const { aggregationRule: _rule, ...others } = existing;
  const selectors = existing.aggregationRule?.clusterRoleSelectors ?? [];
  const lacking = (expected.aggregationRule?.clusterRoleSelectors ?? []).filter(
    (selector) => !selectors.some((known) => jsonEqual(known, selector)),
  );
  const object: ClusterRole = {
    ...others,
    metadata,
    rules: [...(existing.rules ?? []), ...missing],
    ...(expected.aggregationRule !== undefined && {
      aggregationRule: { clusterRoleSelectors: [...selectors, ...lacking] },
    }),
  };
  return changed({ rules: [], ...existing }, object);
}

function planBinding(existing: Binding, expected: Binding, metadata: RoleBinding["metadata"]): Plan {
  if (!jsonEqual(existing.roleRef, expected.roleRef)) {
    const { name, namespace, labels, annotations } = metadata;
    const fresh = { name, labels, annotations, ...(namespace !== undefined && { namespace }) };
    const subjects = withMissing(existing.subjects ?? [], expected.subjects ?? []);
    return { type: "recreate", object: { ...expected, metadata: fresh, subjects } as RbacObject };
  }
  const isRetired = RETIRED[metadata.name] ?? (() => false);
  const kept = (existing.subjects ?? []).filter((subject) => !isRetired(subject));
  const subjects = withMissing(kept, expected.subjects ?? []);
  return changed({ subjects: [], ...existing }, { ...existing, metadata, subjects });
}

function withMissing(own: readonly Subject[], wanted: readonly Subject[]): readonly Subject[] {
  const isKnown = (subject: Subject): boolean =>
    own.some(
      ({ kind, name, namespace = "" }) =>
        kind === subject.kind && name === subject.name && namespace === (subject.namespace ?? ""),
    );
  return [...own, ...wanted.filter((subject) => !isKnown(subject))];
}

function changed(before: object, after: RbacObject): Plan {
  return jsonEqual(before, after) ? NONE : { type: "update", object: after };
}

function isBinding(object: RbacObject): object is Binding {
  return object.kind === "RoleBinding" || object.kind === "ClusterRoleBinding";
}
