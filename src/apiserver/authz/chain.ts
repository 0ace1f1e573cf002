/** Asks authorizers in order: the first that allows or denies decides, and who has no opinion leaves it to the next. @module */
import type { AuthorizationAttributes, Authorizer, Decision } from "../user-info.ts";

export function authorizerChain(authorizers: readonly Authorizer[]): Authorizer {
  return { authorize: (attributes) => ask(authorizers, attributes, 0, []) };
}

/** Stays synchronous as long as every answer is. */
function ask(
  authorizers: readonly Authorizer[],
  attributes: AuthorizationAttributes,
  from: number,
  reasons: readonly string[],
): Decision | Promise<Decision> {
  for (let i = from; i < authorizers.length; i++) {
    const answer = authorizers[i]!.authorize(attributes);
    if (answer instanceof Promise)
      return answer.then((decision) =>
        isFinal(decision)
          ? decision
          : ask(authorizers, attributes, i + 1, [...reasons, ...reasonOf(decision)]),
      );
    if (isFinal(answer)) return answer;
    reasons = [...reasons, ...reasonOf(answer)];
  }
  return { allowed: false, ...(reasons.length > 0 && { reason: reasons.join("\n") }) };
}

function isFinal({ allowed, denied }: Decision): boolean {
  return allowed || denied === true;
}

function reasonOf({ reason }: Decision): readonly string[] {
  return reason === undefined || reason === "" ? [] : [reason];
}
