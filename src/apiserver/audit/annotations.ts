/** What those who handle a request tell its audit event. @module */
import type { UserInfo } from "../user-info.ts";

export interface AuditAnnotations {
  /**
   * Keys have the form `policy.example.com/name`. The first value of a key stays, as upstream. Without effect when nobody
   * audits the request, or not at `level`: some say what only those may know who see the request itself.
   */
  addAuditAnnotation(key: string, value: string, level?: "Metadata" | "Request"): void;
}

/** What the handlers of a request that is audited say about it. */
export interface RequestRecorder extends AuditAnnotations {
  /** True if the bodies of the request are to be recorded: only then is it worth making them. */
  readonly wantsRequest: boolean;
  /** The body as an object, in the version of the request. */
  recordRequest(object: object): void;
  /** The body of a patch, or of a delete. */
  recordPatch(value: unknown): void;
  /** `constraint`: the verb of constrained impersonation that allowed it; "": none did. */
  recordImpersonation(user: UserInfo, constraint: string): void;
}
