/** Authenticators that only look at a bearer token; also what answers a TokenReview. @module */
import { asError } from "#apimachinery";
import type { UserInfo } from "../user-info.ts";

export interface TokenAnswer {
  readonly user: UserInfo;
  /** Those of the audiences asked for that the token is good for; absent when none were asked for. */
  readonly audiences?: readonly string[];
  /** For the sender of the token. */
  readonly warnings?: readonly string[];
  /** For the audit event. */
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface TokenAuthenticator {
  /**
   * The user of the token; undefined when this authenticator does not know such tokens; throws when it does and the
   * token is not valid. `audiences`: those the token must have one of; absent: it does not matter.
   */
  authenticateToken(
    token: string,
    signal: AbortSignal,
    audiences?: readonly string[],
  ): Promise<TokenAnswer | undefined>;
}

/** For tokens that say nothing of audiences: they are good for those of the API server. */
export function audienceAgnostic(
  tokens: TokenAuthenticator,
  apiAudiences: readonly string[],
): TokenAuthenticator {
  return {
    async authenticateToken(token, signal, audiences) {
      if (audiences === undefined) return tokens.authenticateToken(token, signal);
      const shared = intersection(audiences, apiAudiences);
      if (shared.length === 0) return undefined;
      const answer = await tokens.authenticateToken(token, signal);
      return answer && { ...answer, audiences: shared };
    },
  };
}

export function intersection(a: readonly string[], b: readonly string[]): readonly string[] {
  return a.filter((audience) => b.includes(audience));
}

/** Asks all in order. What one refuses another may still know; the errors are joined when nobody does. */
export function tokenUnion(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return {
    async authenticateToken(token, signal, audiences) {
      const problems: Error[] = [];
      for (const authenticator of authenticators)
        try {
          const answer = await authenticator.authenticateToken(token, signal, audiences);
          if (answer !== undefined) return answer;
        } catch (err) {
          signal.throwIfAborted();
          problems.push(asError(err));
        }
      if (problems.length === 0) return undefined;
      throw problems.length === 1 ? problems[0]! : new AggregateError(problems, joined(problems));
    },
  };
}

function joined(problems: readonly Error[]): string {
  return `[${[...new Set(problems.map(({ message }) => message))].join(", ")}]`;
}
