/** Asks one authenticator after the other. @module */
import { SYSTEM_AUTHENTICATED, type Authenticator } from "../user-info.ts";

/**
 * The first that knows the credentials decides. One that throws is remembered while the others are asked, as upstream's
 * union does: an expired certificate next to a good token is no reason to refuse. Everybody known is `system:authenticated`.
 */
export function authenticatorChain(authenticators: readonly Authenticator[]): Authenticator {
  return {
    async authenticate(credentials, signal, notes) {
      let failure: { readonly error: unknown } | undefined;
      for (const authenticator of authenticators)
        try {
          const user = await authenticator.authenticate(credentials, signal, notes);
          if (user !== undefined)
            return user.groups.includes(SYSTEM_AUTHENTICATED)
              ? user
              : { ...user, groups: [...user.groups, SYSTEM_AUTHENTICATED] };
        } catch (error) {
          failure ??= { error };
        }
      if (failure !== undefined) throw failure.error;
      return undefined;
    },
  };
}
