/** What must be right about a token before its claims are believed: issuer, audience, time, signature. @module */
import { isJsonObject, formatTime, type Clock } from "#apimachinery";
import { quoted } from "../../quoted.ts";
import type { Claims } from "./expressions.ts";
import type { Provider } from "./provider.ts";

export interface VerifyOptions {
  readonly issuer: string;
  readonly provider: Provider;
  readonly audiences: readonly string[];
  readonly algorithms: readonly string[];
  readonly clock: Clock;
}

const NBF_LEEWAY_MS = 300_000;
/** An old spelling of an issuer that still is in use. */
const GOOGLE = "accounts.google.com";

/** The `iss` of something that looks like a token. Nothing is believed yet. */
export function untrustedIssuer(token: string): string | undefined {
  const claims = untrustedClaims(token);
  if (claims === undefined) return undefined;
  const { iss } = claims;
  if (typeof iss !== "string") return "";
  return iss === GOOGLE ? `https://${GOOGLE}` : iss;
}

/** Throws an Error that says what is wrong. */
export async function verifyIdToken(
  token: string,
  { issuer, provider, audiences, algorithms, clock }: VerifyOptions,
  signal: AbortSignal,
): Promise<Claims> {
  const found = untrustedIssuer(token);
  if (found !== issuer) {
    const [want, got] = [issuer, found].map((text) => JSON.stringify(text));
    throw new Error(`oidc: id token issued by a different provider, expected ${want} got ${got}`);
  }
  const claims = parseClaims(await provider.verify(token, algorithms, signal));
  checkAudience(claims, audiences);
  checkTime(claims, clock.now());
  return claims;
}

function checkAudience({ aud }: Claims, audiences: readonly string[]): void {
  const own = [aud].flat().filter((audience) => typeof audience === "string");
  if (own.some((audience) => audiences.includes(audience))) return;
  throw new Error(`oidc: expected audience in ${quoted(audiences.toSorted())} got ${quoted(own)}`);
}

function checkTime({ exp, nbf }: Claims, nowMs: number): void {
  const expiryMs = typeof exp === "number" ? exp * 1_000 : 0;
  if (nowMs > expiryMs) throw new Error(`oidc: token is expired (Token Expiry: ${shown(expiryMs)})`);
  if (typeof nbf === "number" && nowMs + NBF_LEEWAY_MS < nbf * 1_000) {
    throw new Error(
      `oidc: current time ${shown(nowMs)} before the nbf (not before) time: ${shown(nbf * 1_000)}`,
    );
  }
}

function shown(ms: number): string {
  return formatTime(Math.min(Math.max(ms, 0), MAX_TIME_MS));
}

/** The last instant a date can be. */
const MAX_TIME_MS = 8_640_000_000_000_000;

function untrustedClaims(token: string): Claims | undefined {
  const parts = token.split(".", 4);
  if (parts.length !== 3) return undefined;
  try {
    return parseClaims(Buffer.from(parts[1]!, "base64url"));
  } catch {
    return undefined;
  }
}

function parseClaims(payload: Uint8Array): Claims {
  const claims: unknown = JSON.parse(new TextDecoder().decode(payload));
  if (!isJsonObject(claims)) throw new Error("oidc: parse claims: no object");
  return claims;
}
