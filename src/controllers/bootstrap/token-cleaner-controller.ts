/** Removes bootstrap tokens that have expired. @module */
import type { Kind } from "#apimachinery";
import { isConflict } from "#apimachinery";
import { Secrets } from "#api/core/v1/secret";
import type { Controller, ControllerContext } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import { leftMs, TOKEN_NAMESPACE, TOKEN_TYPE } from "./token-secret.ts";

/** Safe on a stale cache: only the very Secret that was judged is removed. */
export function tokenCleanerController({ client, clock, informers }: ControllerContext): Controller {
  const secrets = informers.lister(Secrets);
  return {
    name: "token-cleaner-controller",
    reconciles: Secrets as Kind,
    async reconcile(key, signal) {
      const secret = secrets.get(key);
      const isToken = secret?.type === TOKEN_TYPE && secret.metadata.namespace === TOKEN_NAMESPACE;
      if (secret === undefined || !isToken) return {};
      const left = leftMs(secret, clock.now());
      if (left === undefined) return {};
      if (left > 0) return { requeueAfterMs: left };
      const { uid } = secret.metadata;
      const options = uid === undefined ? {} : { preconditions: { uid } };
      await unlessGone(client.delete(Secrets, secret.metadata, signal, options)).catch((err: unknown) => {
        // Another Secret took its name: not ours to remove.
        if (!isConflict(err)) throw err;
      });
      return {};
    },
  };
}
