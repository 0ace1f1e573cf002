/** The issuers and the anonymous access that a configuration names; exchanged as a whole when it changes. @module */
import type { Clock, Logger } from "#apimachinery";
import { runReloader } from "../../config-reloader.ts";
import type { SecurityMetrics } from "../../security-metrics.ts";
import { httpsGet } from "../oidc/https-get.ts";
import { jwtAuthenticator, type JwtAuthenticator } from "../oidc/jwt-authenticator.ts";
import { tokenUnion, type TokenAuthenticator } from "../token-authenticator.ts";
import { compileAuthenticator } from "./compile.ts";
import { loadAuthenticationConfiguration } from "./load.ts";
import type { AuthenticationConfiguration } from "./types.ts";

export interface ConfiguredAuthenticationOptions {
  readonly configuration: AuthenticationConfiguration;
  /** Algorithms that tokens may be signed with. */
  readonly algorithms: readonly string[];
  /** `--anonymous-auth`: what counts when the configuration says nothing. */
  readonly anonymousAuth: boolean;
  /** The server's own issuers. */
  readonly disallowedIssuers: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: SecurityMetrics;
}

interface Running {
  readonly configuration: AuthenticationConfiguration;
  readonly authenticators: readonly JwtAuthenticator[];
  readonly tokens: TokenAuthenticator;
  readonly closing: AbortController;
}

/** How long the issuers of a changed configuration may take to be found. */
const HEALTHY_WITHIN_MS = 60_000;

export class ConfiguredAuthentication implements TokenAuthenticator, Disposable {
  readonly #options: ConfiguredAuthenticationOptions;
  #running: Running;

  /** Issuers are looked for in the background. */
  constructor(options: ConfiguredAuthenticationOptions) {
    this.#options = options;
    this.#running = this.#start(options.configuration);
  }

  authenticateToken(token: string, signal: AbortSignal): ReturnType<TokenAuthenticator["authenticateToken"]> {
    return this.#running.tokens.authenticateToken(token, signal);
  }

  /** Whether who shows no credentials may ask for the path. */
  allowsAnonymous(path: string): boolean {
    const { anonymous } = this.#running.configuration;
    if (anonymous === undefined) return this.#options.anonymousAuth;
    const { enabled, conditions = [] } = anonymous;
    return enabled && (conditions.length === 0 || conditions.some((condition) => condition.path === path));
  }

  /** Applies changes of the file from which `text` was read, until `signal` aborts. */
  run(path: string, text: string, signal: AbortSignal): Promise<void> {
    const { clock, logger, metrics, disallowedIssuers } = this.#options;
    const apply = async (changed: string): Promise<void> => {
      const next = this.#start(loadAuthenticationConfiguration(changed, path, disallowedIssuers));
      try {
        await this.#healthy(next, signal);
      } catch (err) {
        next.closing.abort(err);
        throw err;
      }
      this.#running.closing.abort(new Error("The authentication configuration has changed"));
      this.#running = next;
    };
    return runReloader(
      { what: "authentication", path, text, apply, clock, logger, ...(metrics !== undefined && { metrics }) },
      signal,
    );
  }

  [Symbol.dispose](): void {
    this.#running.closing.abort(new Error("The API server is closing"));
  }

  #start(configuration: AuthenticationConfiguration): Running {
    const { algorithms, clock, logger, metrics, disallowedIssuers } = this.#options;
    const closing = new AbortController();
    const onFetch = (isGood: boolean): void =>
      metrics?.inc("apiserver_authentication_jwt_authenticator_jwks_fetches_total", {
        result: isGood ? "success" : "failure",
      });
    const authenticators = configuration.jwt.map((spec, i) => {
      const { mapping: compiled } = compileAuthenticator(spec, `jwt[${i}]`, disallowedIssuers);
      const get = httpsGet(spec.issuer.certificateAuthority || undefined, clock);
      return jwtAuthenticator({ spec, compiled, algorithms, get, clock, logger, onFetch }, closing.signal);
    });
    return { configuration, authenticators, tokens: tokenUnion(authenticators), closing };
  }

  /** New issuers count once all of them were found. */
  async #healthy({ authenticators, closing }: Running, signal: AbortSignal): Promise<void> {
    const timer = this.#options.clock.after(HEALTHY_WITHIN_MS, () => closing.abort());
    try {
      await Promise.all(authenticators.map(({ ready }) => ready));
    } finally {
      timer.cancel();
    }
    signal.throwIfAborted();
    const problem = authenticators.map((authenticator) => authenticator.problem).find((p) => p !== undefined);
    if (problem !== undefined) throw new Error(problem);
  }
}
