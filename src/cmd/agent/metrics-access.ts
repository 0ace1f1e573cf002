/** Who may read metrics on the node's address: the API server says who asks, and whether they may `get` the path. @module */
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import { StatusError, type Clock } from "#apimachinery";
import type { Client } from "#client";
import { TtlCache, type HttpAnswer, type HttpSecurity } from "#component-base";
import { newAuthenticator, reviewAccess, type User } from "#kubelet";

/** Upstream's `AllowCacheTTL` and `DenyCacheTTL` of delegated authorization. */
const DECISION_TTL_MS = 10_000;
const DECISIONS_MAX = 1_024;
/** For both questions to the API server. */
const REVIEW_TIMEOUT_MS = 10_000;
const ANONYMOUS: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };

/** `client` acts as the node, which may ask for both reviews. */
export function metricsAccess(client: Client, clock: Clock): NonNullable<HttpSecurity["admit"]> {
  const authenticate = newAuthenticator(client, clock);
  const decisions = new TtlCache<boolean>(() => clock.monotonicMs(), DECISIONS_MAX);
  const mayRead = async (user: User, path: string, verb: string, signal: AbortSignal): Promise<boolean> => {
    const key = JSON.stringify([user, path, verb]);
    const known = decisions.get(key);
    if (known !== undefined) return known;
    const allowed = await reviewAccess(client, user, { nonResourceAttributes: { path, verb } }, signal);
    decisions.set(key, allowed, DECISION_TTL_MS);
    return allowed;
  };
  return async (request, path) => {
    const over = new AbortController();
    const timer = clock.after(REVIEW_TIMEOUT_MS, () =>
      over.abort(new Error("the API server did not answer")),
    );
    try {
      const user =
        (await authenticate(request, over.signal)) ?? (hasCredentials(request) ? undefined : ANONYMOUS);
      if (user === undefined) return refusal(new StatusError("Unauthorized", "Unauthorized"));
      const verb = (request.method ?? "GET").toLowerCase();
      if (await mayRead(user, path, verb, over.signal)) return undefined;
      const why = `forbidden: User ${JSON.stringify(user.name)} cannot ${verb} path ${JSON.stringify(path)}`;
      return refusal(new StatusError("Forbidden", why, { details: {} }));
    } finally {
      timer.cancel();
    }
  };
}

/** Whoever shows something that is good for nothing is not anonymous. */
function hasCredentials({ headers, socket }: IncomingMessage): boolean {
  const certificate = (socket as TLSSocket).getPeerCertificate();
  return headers.authorization !== undefined || Object.keys(certificate).length > 0;
}

function refusal(error: StatusError): HttpAnswer {
  const status = error.toStatus();
  return { status: status.code ?? 500, contentType: "application/json", body: `${JSON.stringify(status)}\n` };
}
