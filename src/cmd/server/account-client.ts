/** Clients for what this process does beside its components; each has an account of its own. @module */
import type { ApiServer, TokenClient } from "#apiserver";
import { newClient, type Client } from "#client";
import { TOKEN_TRACKER } from "./bootstrap-rbac.ts";
import { controllerUser } from "./identities.ts";

export function accountClient(server: Pick<ApiServer, "transport">, account: string): Client {
  return newClient(server.transport(controllerUser(account)), { userAgent: account });
}

/** What tokens are bound to is the server's own matter, since nobody is anybody before; that one was used is an account's to note. */
export function tokenClient(server: Pick<ApiServer, "transport" | "get">): TokenClient {
  const tracker = accountClient(server, TOKEN_TRACKER);
  return {
    get: (kind, ref) => server.get(kind, ref),
    patch: (...args) => tracker.patch(...args),
  };
}
