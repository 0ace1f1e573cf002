/** What every write of the registry is told of the request it serves. @module */
import type { Kind } from "#apimachinery";
import type { AuditAnnotations } from "../audit/annotations.ts";
import type { UserInfo } from "../user-info.ts";

export interface RequestContext {
  readonly user: UserInfo;
  /** As the request was authorized: `update`, `patch`. Absent for writes of the server itself. */
  readonly verb?: string;
  readonly signal: AbortSignal;
  /** Everything is checked, nothing is stored. */
  readonly dryRun: boolean;
  /** Who owns the fields that this request sets; "" takes no ownership. */
  readonly fieldManager: string;
  /** The version in which the request speaks; absent: the one that is stored. */
  readonly requestKind?: Kind;
  /** A write of the server itself, which must not depend on anything that it serves: webhooks are not asked. */
  readonly isOwn?: boolean;
  /** The options of a create or update as the client gave them, without what was left out; admission shows them. */
  readonly options?: { readonly fieldManager?: string; readonly fieldValidation?: string };
  /** Adds a `Warning` header. */
  readonly warn: (message: string) => void;
  /** Absent when nobody audits the request. */
  readonly audit?: AuditAnnotations;
  readonly waited?: (ms: number) => void;
}
