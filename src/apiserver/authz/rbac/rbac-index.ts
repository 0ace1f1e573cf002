/** Roles and bindings, kept so that the ones of a user are found without looking at the others. @module */
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from "#api/rbac/v1/types.gen";
import type { UserInfo } from "../../user-info.ts";

export type RbacObject = Role | ClusterRole | RoleBinding | ClusterRoleBinding;
export type Binding = RoleBinding | ClusterRoleBinding;

/** What an index is fed by: informers call it with every object, in order. */
export interface RbacSink {
  set(object: RbacObject): void;
  delete(object: RbacObject): void;
}

const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

export class RbacIndex implements RbacSink {
  /** `namespace/name` of Roles, `/name` of ClusterRoles → rules. */
  readonly #rules = new Map<string, readonly PolicyRule[]>();
  /** `namespace|subject`, with no namespace for ClusterRoleBindings → bindings by name. */
  readonly #bySubject = new Map<string, Map<string, Binding>>();
  /** `kind/namespace/name` → what is indexed now, to be taken out when it changes. */
  readonly #bindings = new Map<string, Binding>();

  set(object: RbacObject): void {
    if (isRole(object)) return void this.#rules.set(roleKey(object), object.rules ?? []);
    this.delete(object);
    this.#bindings.set(bindingKey(object), object);
    for (const key of subjectKeys(object)) {
      const bindings = this.#bySubject.get(key) ?? new Map<string, Binding>();
      this.#bySubject.set(key, bindings.set(object.metadata.name, object));
    }
  }

  delete(object: RbacObject): void {
    if (isRole(object)) return void this.#rules.delete(roleKey(object));
    const old = this.#bindings.get(bindingKey(object));
    if (old === undefined) return;
    this.#bindings.delete(bindingKey(object));
    for (const key of subjectKeys(old)) {
      const bindings = this.#bySubject.get(key);
      bindings?.delete(old.metadata.name);
      if (bindings?.size === 0) this.#bySubject.delete(key);
    }
  }

  /** Bindings that name the user: for the whole cluster, then those of the namespace. */
  *bindingsOf(user: UserInfo, namespace: string): Generator<Binding, void> {
    const subjects = [`User:${user.name}`, ...user.groups.map((group) => `Group:${group}`)];
    const account = SERVICE_ACCOUNT.exec(user.name);
    if (account !== null) subjects.push(`ServiceAccount:${account[1]}/${account[2]}`);
    for (const where of namespace === "" ? [""] : ["", namespace])
      for (const subject of subjects) yield* this.#bySubject.get(`${where}|${subject}`)?.values() ?? [];
  }

  /** Undefined: the role the binding refers to does not exist. */
  rulesOf({ roleRef, metadata }: Binding): readonly PolicyRule[] | undefined {
    return this.rulesOfRole(roleRef, metadata.namespace ?? "");
  }

  /** Of a role as a binding in `namespace` names it. */
  rulesOfRole(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    return this.#rules.get(`${roleRef.kind === "Role" ? namespace : ""}/${roleRef.name}`);
  }
}

function isRole(object: RbacObject): object is Role | ClusterRole {
  return object.kind === "Role" || object.kind === "ClusterRole";
}

function roleKey({ metadata }: Role | ClusterRole): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

function bindingKey({ kind, metadata }: Binding): string {
  return `${kind}/${metadata.namespace ?? ""}/${metadata.name}`;
}

function subjectKeys({ subjects = [], metadata }: Binding): string[] {
  const namespace = metadata.namespace ?? "";
  return subjects.map((subject) => `${namespace}|${subjectKey(subject, namespace)}`);
}

/** A service account without a namespace is one of the binding's own. */
function subjectKey({ kind, name, namespace }: Subject, own: string): string {
  return kind === "ServiceAccount" ? `${kind}:${namespace ?? own}/${name}` : `${kind}:${name}`;
}
