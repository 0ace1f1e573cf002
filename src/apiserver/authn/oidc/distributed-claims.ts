/** Claims that are not in the token: it names an endpoint that answers with another token that has them (OpenID Connect Core 5.6.2). @module */
import { isJsonObject, type Clock, type Logger } from "#apimachinery";
import type { Claims } from "./expressions.ts";
import type { HttpsGet } from "./https-get.ts";
import { Provider } from "./provider.ts";
import { untrustedIssuer, verifyIdToken, type VerifyOptions } from "./verify-id-token.ts";

export interface DistributedClaimsOptions extends Pick<VerifyOptions, "algorithms" | "audiences"> {
  /** The one claim that is looked for: that of the groups. */
  readonly claim: string;
  readonly get: HttpsGet;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the authenticator. */
  readonly closing: AbortSignal;
}

/** Issuers that tokens of endpoints came from; each has a provider that asks for its keys. */
const ISSUERS_MAX = 16;

export class DistributedClaims {
  readonly #options: DistributedClaimsOptions;
  readonly #providers = new Map<string, Provider>();

  constructor(options: DistributedClaimsOptions) {
    this.#options = options;
  }

  /** The claims with the one that is elsewhere. */
  async expand(claims: Claims, signal: AbortSignal): Promise<Claims> {
    const { claim } = this.#options;
    if (claims[claim] !== undefined) return claims;
    const endpoint = endpointOf(claims, claim);
    if (endpoint === undefined) return claims;
    return { ...claims, [claim]: await this.#resolve(endpoint, signal) };
  }

  async #resolve({ url, accessToken }: Endpoint, signal: AbortSignal): Promise<unknown> {
    const { claim, get, clock, algorithms, audiences } = this.#options;
    const headers = accessToken === "" ? {} : { authorization: `Bearer ${accessToken}` };
    const { status, text } = await get(url, headers, signal).catch((cause: Error) => {
      throw new Error(`while getting distributed claim ${JSON.stringify(claim)}: ${cause.message}`, {
        cause,
      });
    });
    if (status < 200 || status > 226) {
      throw new Error(
        `while getting distributed claim ${JSON.stringify(claim)}: error while getting distributed claim JWT: ${status}`,
      );
    }
    const token = text.trim();
    const issuer = untrustedIssuer(token);
    if (issuer === undefined)
      throw new Error(
        `getting untrusted issuer from endpoint ${url} failed for claim ${JSON.stringify(claim)}: malformed token`,
      );
    const provider = this.#provider(issuer);
    if (provider.problem !== undefined)
      throw new Error(
        `verifying untrusted issuer ${issuer} failed: verifier not initialized for issuer: ${JSON.stringify(issuer)}`,
      );
    const verified = await verifyIdToken(token, { issuer, provider, clock, algorithms, audiences }, signal);
    if (verified[claim] === undefined) {
      throw new Error(
        `jwt returned by distributed claim endpoint ${JSON.stringify(url)} did not contain claim: ${claim}`,
      );
    }
    return verified[claim];
  }

  /** Found in the background: the first token of an issuer comes too early. */
  #provider(issuer: string): Provider {
    const known = this.#providers.get(issuer);
    if (known !== undefined) return known;
    if (this.#providers.size >= ISSUERS_MAX) throw new Error("too many issuers of distributed claims");
    const { get, clock, logger, closing } = this.#options;
    const provider = new Provider({ issuer, get, clock, logger });
    this.#providers.set(issuer, provider);
    void provider.run(closing);
    return provider;
  }
}

interface Endpoint {
  readonly url: string;
  readonly accessToken: string;
}

function endpointOf(claims: Claims, claim: string): Endpoint | undefined {
  const { _claim_names: names, _claim_sources: sources } = claims;
  if (names === undefined) return undefined;
  if (!isJsonObject(names)) throw new Error("oidc: error parsing distributed claim names: no object");
  if (sources === undefined) throw new Error("oidc: no claim sources");
  if (!isJsonObject(sources)) throw new Error("oidc: could not parse claim sources: no object");
  const source = names[claim];
  if (typeof source !== "string") return undefined;
  const found = sources[source];
  if (!isJsonObject(found))
    throw new Error(`id token _claim_names contained a source ${source} missing in _claims_sources`);
  const { endpoint, access_token: accessToken } = found;
  // Absent: the claim is there in another token already, which upstream does not read either.
  if (typeof endpoint !== "string" || endpoint === "") return undefined;
  return { url: endpoint, accessToken: typeof accessToken === "string" ? accessToken : "" };
}
