/** Whether a caller of the kubelet's endpoint may do that: the API server is asked, and its answer is kept for a while. @module */
import type { Clock } from "#apimachinery";
import type { Client } from "#client";
import { TtlCache } from "#component-base";
import { reviewAccess } from "./access-review.ts";
import type { User } from "./authenticate.ts";
import type { RequestAttributes } from "./request-attributes.ts";
import { HttpError } from "./server-host.ts";

/** Throws an `HttpError` for callers who may not. */
export type Authorize = (user: User, attributes: RequestAttributes, signal: AbortSignal) => Promise<void>;

/** kubelet's `authorization.webhook.cacheAuthorizedTTL` and `cacheUnauthorizedTTL`. */
const ALLOWED_TTL_MS = 300_000;
const REFUSED_TTL_MS = 30_000;
const DECISIONS_MAX = 1_024;

export function newAuthorizer(client: Client, nodeName: string, clock: Clock): Authorize {
  const decisions = new TtlCache<boolean>(() => clock.monotonicMs(), DECISIONS_MAX);
  return async (user, { verb, subresources }, signal) => {
    for (const subresource of subresources) {
      const key = JSON.stringify([user, verb, subresource]);
      let allowed = decisions.get(key);
      if (allowed === undefined) {
        const attributes = { version: "v1", resource: "nodes", name: nodeName, verb, subresource };
        allowed = await ask(client, user, attributes, signal);
        decisions.set(key, allowed, allowed ? ALLOWED_TTL_MS : REFUSED_TTL_MS);
      }
      if (allowed) return;
    }
    const what = `verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(" ")}]`;
    throw new HttpError(403, `Forbidden (user=${user.name}, ${what})`);
  };
}

async function ask(
  client: Client,
  user: User,
  resourceAttributes: Readonly<Record<"version" | "resource" | "name" | "verb" | "subresource", string>>,
  signal: AbortSignal,
): Promise<boolean> {
  const { verb, subresource } = resourceAttributes;
  try {
    return await reviewAccess(client, user, { resourceAttributes }, signal);
  } catch (cause) {
    const what = `user=${user.name}, verb=${verb}, resource=nodes, subresource=${subresource}`;
    throw new HttpError(500, `Authorization error (${what})`, { cause });
  }
}
