/** Who calls the kubelet's endpoint: the subject of a client certificate, or the bearer of a token that the API server knows. @module */
import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Clock } from "#apimachinery";
import { TokenReviews } from "#api/authentication/v1/tokenreview";
import type { Client } from "#client";
import { TtlCache } from "#component-base";

export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** Undefined: nobody we know. There are no anonymous callers. */
export type Authenticate = (request: IncomingMessage, signal: AbortSignal) => Promise<User | undefined>;

const AUTHENTICATED = "system:authenticated";
/** kubelet's `authentication.webhook.cacheTTL`. */
const TOKEN_TTL_MS = 120_000;
const TOKENS_MAX = 1_024;

export function newAuthenticator(client: Client, clock: Clock): Authenticate {
  const known = new TtlCache<User | "nobody">(() => clock.monotonicMs(), TOKENS_MAX);
  return async (request, signal) => {
    const user = certificateUser(request.socket as TLSSocket);
    if (user !== undefined) return user;
    const token = bearerToken(request.headers.authorization);
    if (token === undefined) return undefined;
    const key = hash("sha256", token, "hex"); // tokens are not kept
    let found = known.get(key);
    if (found === undefined) {
      found = (await review(client, token, signal)) ?? "nobody";
      known.set(key, found, TOKEN_TTL_MS);
    }
    return found === "nobody" ? undefined : found;
  };
}

/** Only what TLS verified against the client authority. */
function certificateUser(socket: TLSSocket): User | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const name = all(subject?.CN).at(-1);
  if (name === undefined || name === "") return undefined;
  return { name, groups: [...all(subject.O), AUTHENTICATED] };
}

async function review(client: Client, token: string, signal: AbortSignal): Promise<User | undefined> {
  const { status } = await client.create(
    TokenReviews,
    {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      metadata: { name: "" },
      spec: { token },
    },
    signal,
  );
  const name = status?.user?.username ?? "";
  if (status?.authenticated !== true || name === "") return undefined;
  const { uid, groups = [], extra } = status.user!;
  return {
    name,
    groups: [...new Set([...groups, AUTHENTICATED])],
    ...(uid !== undefined && { uid }),
    ...(extra !== undefined && { extra }),
  };
}

function bearerToken(header: string | undefined): string | undefined {
  const [, token] = /^bearer +(\S+) *$/i.exec(header ?? "") ?? [];
  return token;
}

type Names = string | readonly string[] | undefined;

function all(names: Names): readonly string[] {
  return names === undefined ? [] : typeof names === "string" ? [names] : names;
}
