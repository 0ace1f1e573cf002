/** What the system knows about a kind beyond its fields. One literal per kind, in `src/api/<group>/<version>`. @module */
import type { StatusCause } from "./errors.ts";
import type { KubeObject } from "./meta.ts";

export interface GroupVersionKind {
  /** "" is the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** Releases are `1.33`. */
export interface Deprecation {
  readonly since: string;
  /** The first release that does not serve it any more. */
  readonly removed?: string;
  readonly replacement?: GroupVersionKind;
}

export type Verb = "create" | "get" | "list" | "watch" | "update" | "patch" | "delete" | "deletecollection";

/** A column of `kubectl get`; `wide` ones (priority 1 in a metav1.Table) show only with `-o wide`. */
export interface Column<T> {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  /** OpenAPI format of the column: kubectl prints the `name` column first and dates as ages. */
  readonly format?: "name" | "int32" | "int64" | "date-time";
  readonly description?: string;
  readonly wide?: boolean;
  /** `nowMs` is the clock of the server, for ages it prints itself. */
  readonly value: (object: T, nowMs: number) => string | number | boolean | undefined;
}

/** metav1.TableRowCondition. */
export interface RowCondition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
}

/** How the API server may store and change objects of a kind; upstream's `rest.RESTCreateUpdateStrategy`. */
export interface Strategy<T extends KubeObject> {
  /** Clears what a creator may not set. The generic registry has already dropped `status` and set the metadata. */
  readonly prepareForCreate?: (object: T) => T;
  /** Carries over what an update may not change. The generic registry has kept the old `status` and metadata. */
  readonly prepareForUpdate?: (object: T, old: T) => T;
  /** Like `prepareForUpdate`, for writes to the `status` subresource. */
  readonly prepareForStatusUpdate?: (object: T, old: T) => T;
  /** Warnings for the `Warning` header. `subresource` is the one that was written, "" the object itself. */
  readonly warnings?: (object: T, old: T | undefined, subresource: string) => readonly string[];
  /** PUT of a missing object creates it (Lease, Endpoints, ...). */
  readonly allowCreateOnUpdate?: boolean;
  /** PUT without a resourceVersion is accepted. Default: true, as upstream for most kinds. */
  readonly allowUnconditionalUpdate?: boolean;
  /** Grace period in seconds for a delete that names none (pods); absent: deleted at once. */
  readonly defaultGracePeriodSeconds?: (object: T) => number;
}

/**
 * Fields, types, merge keys and protobuf numbers come from the generated facts of the group-version and are not
 * repeated here. Everything in a `Kind` is data or a pure function: what needs I/O is a hook in the API server's registry.
 */
export interface Kind<T extends KubeObject = KubeObject> extends GroupVersionKind {
  readonly kind: T["kind"];
  readonly names: {
    readonly plural: string;
    readonly singular?: string;
    readonly short?: readonly string[];
    readonly categories?: readonly string[];
    /** Kind of the list; absent: the kind with `List` after it. */
    readonly listKind?: string;
  };
  readonly scope: "Namespaced" | "Cluster";
  readonly subresources: readonly string[];
  /** Absent: all of them. */
  readonly verbs?: readonly Verb[];
  /** Rule for `metadata.name`; absent: a DNS subdomain. */
  readonly nameRule?: "dns-label" | "dns-1035-label" | "dns-subdomain" | "path-segment";
  /** Defaults that depend on other fields; constant ones are facts. Returns a new object, or the same one if nothing was missing. */
  readonly defaults?: (object: T) => T;
  /**
   * Rules on create, and on every update. `old` is the stored object of an update: what it got away with before a rule
   * became stricter, it may keep.
   */
  readonly validate?: (object: T, old?: T) => readonly StatusCause[];
  /** Rules on create only: those that an update applies to what changed alone, through `validateUpdate`. */
  readonly validateCreate?: (object: T) => readonly StatusCause[];
  /** Rules that compare with the stored object, immutability above all. */
  readonly validateUpdate?: (object: T, old: T) => readonly StatusCause[];
  readonly validateStatusUpdate?: (object: T, old: T) => readonly StatusCause[];
  /** Rules for writers of subresources that have ones of their own, in place of `validate`. */
  readonly validateSubresource?: Readonly<Record<string, (object: T, old: T) => readonly StatusCause[]>>;
  readonly strategy?: Strategy<T>;
  /** Field selectors besides `metadata.name` and `metadata.namespace`: path -> value of the object. */
  readonly selectableFields?: Readonly<Record<string, (object: T) => string>>;
  /** What the stored version calls a field of `selectableFields`; absent: all have the same names there. */
  readonly storedField?: (path: string) => string;
  readonly columns: readonly Column<T>[];
  /** Conditions of the object's row in a Table, as `Completed`. */
  readonly rowConditions?: (object: T) => readonly RowCondition[];
  /** Of the rows of a list's Table; absent: the order of the list itself. */
  readonly tableOrder?: (a: T, b: T) => number;
  /** Everybody who asks for it is warned. */
  readonly deprecated?: Deprecation;
}

/** `apps/v1`, or `v1` for the core group. */
export function apiVersionOf(kind: { readonly group: string; readonly version: string }): string {
  return kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
}

/** `deployments.apps`, or `pods` for the core group: how messages and RBAC name a resource. */
export function groupResourceOf(kind: Pick<Kind, "group" | "names">): string {
  return kind.group === "" ? kind.names.plural : `${kind.names.plural}.${kind.group}`;
}
