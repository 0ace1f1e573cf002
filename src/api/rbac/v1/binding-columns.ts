/** What `kubectl get rolebindings` and `clusterrolebindings` show. @module */
import type { Column, KubeObject } from "#apimachinery";
import { ageColumn, nameColumn, text, wide } from "../../printing/columns.ts";
import type { RoleRef, Subject } from "./types.gen.ts";

export interface AnyBinding extends KubeObject {
  readonly roleRef: RoleRef;
  readonly subjects?: readonly Subject[];
}

export const bindingColumns: readonly Column<AnyBinding>[] = [
  nameColumn,
  text("Role", ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  ageColumn,
  wide("Users", (binding) => subjects(binding, "User", (s) => s.name)),
  wide("Groups", (binding) => subjects(binding, "Group", (s) => s.name)),
  wide("ServiceAccounts", (binding) =>
    subjects(binding, "ServiceAccount", (s) => `${s.namespace ?? ""}/${s.name}`),
  ),
];

function subjects(binding: AnyBinding, kind: string, show: (subject: Subject) => string): string {
  return (binding.subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(show)
    .join(", ");
}
