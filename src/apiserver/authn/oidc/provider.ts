/** An issuer of tokens elsewhere: its document, found in the background and tried again until it answers, and its keys. @module */
import type { Clock, Logger } from "#apimachinery";
import { loadJose } from "../service-account/jose.ts";
import type { HttpsGet } from "./https-get.ts";

export interface ProviderOptions {
  readonly issuer: string;
  /** Default: below the issuer. */
  readonly discoveryUrl?: string | undefined;
  readonly get: HttpsGet;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of every attempt to fetch the keys. */
  readonly onFetch?: (isGood: boolean) => void;
}

const WELL_KNOWN = "/.well-known/openid-configuration";
/** Upstream's pause between attempts to reach an issuer. */
const RETRY_MS = 10_000;
/** Tokens with unknown keys come from anybody: they fetch the keys anew only so often. */
const REFETCH_MS = 1_000;

/** Verifies a signature and gives the payload. */
type Verify = (token: string) => Promise<Uint8Array>;

export class Provider {
  readonly #options: ProviderOptions;
  #keysUrl: string | undefined;
  #problem: string;
  #verify: Promise<Verify> | undefined;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ProviderOptions) {
    this.#options = options;
    this.#problem = `oidc: authenticator for issuer ${JSON.stringify(options.issuer)} is not initialized`;
  }

  /** Why tokens of the issuer cannot be checked yet; undefined: they can. */
  get problem(): string | undefined {
    return this.#keysUrl === undefined ? this.#problem : undefined;
  }

  /** Until the issuer's document is there. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, issuer } = this.#options;
    while (!signal.aborted) {
      try {
        this.#keysUrl = await this.#discover(signal);
        return;
      } catch (err) {
        if (signal.aborted) return;
        this.#problem = (err as Error).message;
        logger.error("oidc authenticator: initializing plugin", { issuer, err });
      }
      await clock.sleep(RETRY_MS, signal).catch(() => undefined);
    }
  }

  /** The payload of a token with a good signature. Throws when no key of the issuer made it. */
  async verify(token: string, algorithms: readonly string[], signal: AbortSignal): Promise<Uint8Array> {
    if (this.#keysUrl === undefined) throw new Error("oidc: authenticator not initialized");
    const verify = await (this.#verify ??= this.#fetch(algorithms, signal));
    try {
      return await verify(token);
    } catch (err) {
      // The issuer may have new keys.
      if (this.#options.clock.monotonicMs() - this.#fetchedAtMs < REFETCH_MS) throw err;
      this.#verify = this.#fetch(algorithms, signal);
      return (await this.#verify)(token);
    }
  }

  async #discover(signal: AbortSignal): Promise<string> {
    const { issuer, discoveryUrl, get } = this.#options;
    const url = discoveryUrl ?? `${issuer.replace(/\/$/, "")}${WELL_KNOWN}`;
    const { status, text } = await get(url, { accept: "application/json" }, signal);
    if (status !== 200) throw new Error(`${status}: ${text.slice(0, 200)}`);
    const { issuer: found, jwks_uri: keys } = parse(text, "oidc: failed to decode provider discovery object");
    if (found !== issuer) {
      throw new Error(
        `oidc: issuer URL provided to client (${JSON.stringify(issuer)}) did not match the issuer URL returned by provider (${JSON.stringify(found)})`,
      );
    }
    if (typeof keys !== "string" || keys === "") throw new Error("provider did not return JWKS URL");
    return keys;
  }

  /** A failure is not remembered. */
  #fetch(algorithms: readonly string[], signal: AbortSignal): Promise<Verify> {
    const { clock, onFetch } = this.#options;
    this.#fetchedAtMs = clock.monotonicMs();
    const fetching = this.#fetchKeys(algorithms, signal);
    fetching.then(
      () => onFetch?.(true),
      () => {
        onFetch?.(false);
        if (this.#verify === fetching) this.#verify = undefined;
      },
    );
    return fetching;
  }

  async #fetchKeys(algorithms: readonly string[], signal: AbortSignal): Promise<Verify> {
    const { status, text } = await this.#options.get(this.#keysUrl!, { accept: "application/json" }, signal);
    if (status !== 200) throw new Error(`oidc: get keys failed: ${status} ${text.slice(0, 200)}`);
    const set = parse(text, "oidc: failed to decode keys");
    const { compactVerify, createLocalJWKSet, errors } = await loadJose();
    const find = createLocalJWKSet(set as unknown as Parameters<typeof createLocalJWKSet>[0]);
    return async (token) => {
      try {
        return (await compactVerify(token, find, { algorithms: [...algorithms] })).payload;
      } catch (err) {
        // Several keys of one kind and a token that names none: each may have made it.
        if (!(err instanceof errors.JWKSMultipleMatchingKeys)) throw err;
        for await (const key of err)
          try {
            return (await compactVerify(token, key, { algorithms: [...algorithms] })).payload;
          } catch (cause) {
            if (!(cause instanceof errors.JWSSignatureVerificationFailed)) throw cause;
          }
        throw new errors.JWSSignatureVerificationFailed();
      }
    };
  }
}

function parse(text: string, what: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new Error(`${what}: ${(cause as Error).message}`, { cause });
  }
  throw new Error(`${what}: no object`);
}
