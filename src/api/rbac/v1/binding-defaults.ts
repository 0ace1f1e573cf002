/** Groups that bindings may leave out. @module */
import type { AnyBinding } from "./binding-columns.ts";
import type { Subject } from "./types.gen.ts";

const RBAC_GROUP = "rbac.authorization.k8s.io";

export function defaultBinding<T extends AnyBinding>(binding: T): T {
  const { roleRef, subjects } = binding;
  return {
    ...binding,
    roleRef: roleRef.apiGroup ? roleRef : { ...roleRef, apiGroup: RBAC_GROUP },
    ...(subjects !== undefined && { subjects: subjects.map(defaultSubject) }),
  };
}

function defaultSubject(subject: Subject): Subject {
  if (subject.apiGroup) return subject;
  return subject.kind === "User" || subject.kind === "Group" ? { ...subject, apiGroup: RBAC_GROUP } : subject;
}
