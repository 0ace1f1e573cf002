/** The way of a request over HTTP: limits, authentication, dispatch, answer; nothing that fails here leaves without a Status. @module */
import { badRequest, StatusError, type Clock, type Logger } from "#apimachinery";
import type { Dispatcher } from "../handlers/dispatch.ts";
import type { UpgradeConnection } from "../handlers/request.ts";
import type { Limits } from "../options.ts";
import { newUid } from "../registry/uid.ts";
import { impersonate } from "../authn/index.ts";
import {
  anonymousUser,
  type Authenticator,
  type Authorizer,
  type Credentials,
  type UserInfo,
} from "../user-info.ts";
import type { AnswerHeaders, Exchange } from "./exchange.ts";
import type { FanOut } from "./fan-out.ts";
import { HttpRequest, isMalformed, parseTarget } from "./http-request.ts";
import type { InFlight } from "./in-flight.ts";
import { requestInfo, type RequestInfo } from "./request-info.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import { statusResult, writeResult } from "./write-result.ts";

export interface ApiHandlerOptions {
  readonly dispatcher: Dispatcher;
  readonly authenticator: Authenticator | undefined;
  /** Asked whether one user may act as another. */
  readonly authorizer: Authorizer;
  readonly inFlight: InFlight;
  readonly metrics: RequestMetrics;
  readonly fanOut: FanOut;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly limits: Limits;
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
}

const EXPIRED = new StatusError("Timeout", "request did not complete within the allotted timeout");
/** How long the user of a client certificate is remembered with its connection. */
const CERTIFICATE_USER_MS = 10_000;
const IMPERSONATION = ["impersonate-user", "impersonate-uid", "impersonate-group"];

/** Requests that last as long as their client likes: not counted as in flight, not timed out. */
const LONG_RUNNING_SUBRESOURCES: ReadonlySet<string> = new Set([
  "log",
  "exec",
  "attach",
  "portforward",
  "proxy",
]);
const READ_ONLY_VERBS: ReadonlySet<string> = new Set(["get", "list", "watch"]);

export class ApiHandler {
  readonly #options: ApiHandlerOptions;
  readonly #users = new WeakMap<Uint8Array, { readonly user: UserInfo; readonly until: number }>();

  constructor(options: ApiHandlerOptions) {
    this.#options = options;
  }

  /** Answers; never rejects. */
  async handle(exchange: Exchange, upgrade?: UpgradeConnection): Promise<void> {
    const { clock, metrics, random, logger } = this.#options;
    const startedAt = clock.monotonicMs();
    const target = parseTarget(exchange.target);
    const info = requestInfo(exchange.method, target.path, target.query);
    const headers: AnswerHeaders = { "audit-id": newUid(random), "cache-control": "no-cache, private" };
    let code = 200;
    try {
      if (isMalformed(exchange.target)) {
        throw badRequest(`parse ${JSON.stringify(exchange.target)}: invalid URL escape`);
      }
      const user = await this.#authenticate(exchange.credentials);
      const request = new HttpRequest(exchange, target, user, this.#options.limits.bodyBytesMax, upgrade);
      code = await this.#answer(exchange, request, info, headers);
    } catch (err) {
      code = this.#fail(err, exchange, headers, info);
      if (code === 500)
        logger.error("Request failed", { method: exchange.method, path: target.path, code, err });
    }
    if (info.verb !== "watch") {
      metrics.observe(
        info,
        this.#options.dispatcher.serves(info),
        code,
        (clock.monotonicMs() - startedAt) / 1000,
      );
    }
  }

  async #answer(
    exchange: Exchange,
    request: HttpRequest,
    info: RequestInfo,
    headers: AnswerHeaders,
  ): Promise<number> {
    const { dispatcher, inFlight, fanOut, clock, closing } = this.#options;
    if (closing.aborted) throw new StatusError("ServiceUnavailable", "apiserver is shutting down");
    const isLong = info.verb === "watch" || LONG_RUNNING_SUBRESOURCES.has(info.subresource);
    const onExpired = (): void => void this.#fail(EXPIRED, exchange, headers, info);
    const leave = isLong ? undefined : inFlight.enter(request, !READ_ONLY_VERBS.has(info.verb), onExpired);
    try {
      const result = await dispatcher.handleInfo(request, info);
      if (request.warnings.length > 0) headers["warning"] = request.warnings;
      const isEndless = isLong && result.type !== "value" && result.type !== "bytes";
      const signal = isEndless ? AbortSignal.any([request.signal, closing]) : undefined;
      await writeResult(result, { exchange, headers, fanOut, clock, signal: signal ?? closing });
      return "status" in result ? result.status : 200;
    } finally {
      leave?.();
    }
  }

  async #authenticate(credentials: Credentials): Promise<UserInfo> {
    const { authenticator, authorizer, closing } = this.#options;
    if (authenticator === undefined) return anonymousUser;
    const user =
      this.#rememberedUser(credentials) ??
      (await authenticator.authenticate(credentials, closing)) ??
      anonymousUser;
    this.#remember(credentials, user);
    const isImpersonating = IMPERSONATION.some((name) => credentials.headers[name] !== undefined);
    return isImpersonating ? impersonate(user, credentials, authorizer) : user;
  }

  /** Every request of a connection shows the same certificate: hashing it each time costs more than the answer. */
  #rememberedUser({ clientCertificate, headers }: Credentials): UserInfo | undefined {
    if (clientCertificate === undefined || headers["authorization"] !== undefined) return undefined;
    const remembered = this.#users.get(clientCertificate);
    if (remembered === undefined || remembered.until < this.#options.clock.monotonicMs()) return undefined;
    return remembered.user;
  }

  #remember({ clientCertificate, headers }: Credentials, user: UserInfo): void {
    if (clientCertificate === undefined || headers["authorization"] !== undefined) return;
    const known = this.#users.get(clientCertificate);
    if (known?.user === user) return;
    const until = this.#options.clock.monotonicMs() + CERTIFICATE_USER_MS;
    this.#users.set(clientCertificate, { user, until });
  }

  #fail(err: unknown, exchange: Exchange, headers: AnswerHeaders, info: RequestInfo): number {
    const result = statusResult(err);
    if (result.type !== "value") return 500;
    const retryAfter = err instanceof StatusError ? err.details?.retryAfterSeconds : undefined;
    if (retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
    if (result.status === 401) headers["www-authenticate"] = 'Bearer realm="kubernetes-master"';
    void writeResult(result, { exchange, headers, ...this.#options, signal: this.#options.closing }).catch(
      (cause: unknown) =>
        this.#options.logger.warn("Answer could not be written", { path: info.path, err: cause }),
    );
    return result.status;
  }
}
