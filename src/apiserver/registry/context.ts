/** What every write of the registry is told of the request it serves. @module */
import type { Kind } from "#apimachinery";
import type { UserInfo } from "../user-info.ts";

export interface RequestContext {
  readonly user: UserInfo;
  readonly signal: AbortSignal;
  /** Everything is checked, nothing is stored. */
  readonly dryRun: boolean;
  /** Who owns the fields that this request sets; "" takes no ownership. */
  readonly fieldManager: string;
  /** The version in which the request speaks; absent: the one that is stored. */
  readonly requestKind?: Kind;
  /** A write of the server itself, which must not depend on anything that it serves: webhooks are not asked. */
  readonly isOwn?: boolean;
  /** Adds a `Warning` header. */
  readonly warn: (message: string) => void;
}
