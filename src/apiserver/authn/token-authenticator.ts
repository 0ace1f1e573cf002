/** Authenticators that only look at a bearer token; also what answers a TokenReview. @module */
import type { UserInfo } from "../user-info.ts";

export interface TokenAuthenticator {
  /**
   * The user of the token; undefined when this authenticator does not know such tokens; throws `Unauthorized` when it
   * does and the token is not valid. `audiences`: those the token must have one of; absent: the API server's own.
   */
  authenticateToken(
    token: string,
    signal: AbortSignal,
    audiences?: readonly string[],
  ): Promise<UserInfo | undefined>;
}
