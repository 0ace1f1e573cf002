/** The way of a request over HTTP: limits, authentication, dispatch, answer; nothing that fails here leaves without a Status. @module */
import { badRequest, StatusError, type Clock, type Logger } from "#apimachinery";
import type { AuditAnnotations } from "../audit/annotations.ts";
import type { Auditor } from "../audit/auditor.ts";
import type { Dispatcher } from "../handlers/dispatch.ts";
import type { UpgradeConnection } from "../handlers/request.ts";
import { takeSeat, type FlowControl, type Seat } from "../flowcontrol/index.ts";
import type { Limits } from "../options.ts";
import { impersonate, isImpersonating, unauthorized } from "../authn/index.ts";
import { authorizationAttributes } from "../handlers/authorize.ts";
import {
  anonymousUser,
  type AuthenticationNotes,
  type Authenticator,
  type Authorizer,
  type Credentials,
  type UserInfo,
} from "../user-info.ts";
import type { Exchange } from "./exchange.ts";
import type { FanOut } from "./fan-out.ts";
import { HttpRequest, isMalformed } from "./http-request.ts";
import type { InFlight } from "./in-flight.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import { timeoutOf } from "./request-timeout.ts";
import { RequestTrail } from "./request-trail.ts";
import { statusResult, writeResult } from "./write-result.ts";

export interface ApiHandlerOptions {
  readonly dispatcher: Dispatcher;
  readonly authenticator: Authenticator | undefined;
  /** Absent: who shows no credentials may ask for all paths. */
  readonly allowsAnonymous?: ((path: string) => boolean) | undefined;
  /** A request with one of these headers is that of another user than the one before on its connection. */
  readonly frontProxyHeaders: readonly string[];
  /** Asked whether one user may act as another. */
  readonly authorizer: Authorizer;
  readonly inFlight: InFlight;
  /** Absent: `inFlight` limits by itself. */
  readonly flowControl?: FlowControl | undefined;
  readonly metrics: RequestMetrics;
  readonly fanOut: FanOut;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly limits: Limits;
  /** Absent: nothing is audited. */
  readonly auditor?: Auditor | undefined;
  /** Of an HTTP/2 connection to be told, with any request, to go elsewhere with the next ones. */
  readonly goawayChance: number;
  /** While draining, requests are told when to come again (429) instead of that the server closes (503). */
  readonly retryAfterOnShutdown: boolean;
  /** Aborts when no more requests are taken, and those without end are to end. */
  readonly draining: AbortSignal;
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
}

const EXPIRED = new StatusError("Timeout", "Timeout: request did not complete within the allotted timeout", {
  details: {},
});
const CLOSING = new StatusError("ServiceUnavailable", "apiserver is shutting down", {
  details: { retryAfterSeconds: 1 },
});
const RETRY_LATER = "The apiserver is shutting down, please try again later.";
const RETRY_AFTER_SECONDS = 5;
/** Whoever watches the server close is answered to the end. */
const EXEMPT_PATH = /^\/(?:healthz|livez|readyz|metrics)(?:\/|$)/;
/** How long the user of a client certificate is remembered with its connection. */
const CERTIFICATE_USER_MS = 10_000;

const READ_ONLY_VERBS: ReadonlySet<string> = new Set(["get", "list", "watch"]);

/** What authentication has to say before there is a request to say it to. */
class Notes implements AuthenticationNotes {
  readonly #warnings: string[] = [];
  readonly #annotations: (readonly [string, string])[] = [];

  warn(message: string): void {
    this.#warnings.push(message);
  }

  annotate(key: string, value: string): void {
    this.#annotations.push([key, value]);
  }

  pass(request: HttpRequest, audit: AuditAnnotations | undefined): void {
    for (const message of this.#warnings) request.warn(message);
    for (const [key, value] of this.#annotations) audit?.addAuditAnnotation(key, value);
  }
}

export class ApiHandler {
  readonly #options: ApiHandlerOptions;
  readonly #users = new WeakMap<Uint8Array, { readonly user: UserInfo; readonly until: number }>();

  constructor(options: ApiHandlerOptions) {
    this.#options = options;
  }

  /** Answers; never rejects. */
  async handle(exchange: Exchange, upgrade?: UpgradeConnection): Promise<void> {
    const { limits, logger, goawayChance, random } = this.#options;
    const trail = new RequestTrail(exchange, this.#options);
    const { target, info } = trail;
    let code = 200;
    try {
      if (goawayChance > 0 && random() < goawayChance) exchange.goAway?.();
      if (isMalformed(exchange.target)) {
        throw badRequest(`parse ${JSON.stringify(exchange.target)}: invalid URL escape`);
      }
      if (this.#refuseLate(trail)) return;
      const notes = new Notes();
      const sender = await this.#authenticate(exchange.credentials, info.path, notes);
      await trail.begin(sender);
      const user = isImpersonating(exchange.credentials)
        ? await this.#impersonated(sender, trail, exchange.credentials)
        : sender;
      const request = new HttpRequest(exchange, target, user, limits.bodyBytesMax, upgrade, trail.audit);
      notes.pass(request, trail.audit);
      trail.handling(request);
      const answered = await this.#answer(trail, request);
      if (answered === "endless") return;
      code = answered;
    } catch (err) {
      code = this.#fail(err, trail);
      if (code === 500)
        logger.error("Request failed", { method: exchange.method, path: info.path, code, err });
    }
    trail.ended(code);
  }

  /** The status of the answer; "endless": it is being given, and the trail is told of its end. */
  async #answer(trail: RequestTrail, request: HttpRequest): Promise<number | "endless"> {
    const { dispatcher, inFlight, flowControl, fanOut, clock, closing, draining, metrics, limits } =
      this.#options;
    const { info, exchange, headers, isLong, sent } = trail;
    const onExpired = (): void => {
      const code = this.#fail(EXPIRED, trail);
      trail.terminated(code);
      if (sent.bytes > 0) trail.aborted();
    };
    const isMutating = !READ_ONLY_VERBS.has(info.verb);
    const timeoutMs = isLong ? limits.requestTimeoutMs : timeoutOf(request.query, limits.requestTimeoutMs);
    const leave = isLong ? undefined : inFlight.enter(request, { isMutating, timeoutMs, onExpired });
    let seat: Seat | undefined;
    try {
      if (flowControl !== undefined && (!isLong || info.verb === "watch")) {
        seat = takeSeat(flowControl, request, info, headers, timeoutMs);
        if (seat.waiting !== undefined) {
          const sinceMs = clock.monotonicMs();
          await seat.waiting;
          request.waited(clock.monotonicMs() - sinceMs);
        }
      }
      const result = await dispatcher.handleInfo(request, info);
      if (request.warnings.length > 0) headers["warning"] = request.warnings;
      const isEndless = isLong && result.type !== "value" && result.type !== "bytes";
      await trail.answering(result, isEndless);
      const signal = isEndless ? AbortSignal.any([request.signal, draining]) : closing;
      const { upgrade } = request;
      const taken = upgrade === undefined ? {} : { upgrade };
      const context = { exchange, headers, fanOut, clock, signal, sent, ...taken };
      if (result.type === "watch") {
        seat?.becomesWatch(result.watcher);
        const onWatchEnd = (): void => trail.ended(200);
        await writeResult(result, { ...context, watchSeries: metrics.watch(info), onWatchEnd });
        return "endless";
      }
      await writeResult(result, context);
      if (result.type === "upgraded") {
        whenClosed(request, () => trail.ended(101));
        return "endless";
      }
      return "status" in result ? result.status : 200;
    } finally {
      seat?.finish();
      leave?.();
    }
  }

  /** Requests that come while the server closes are sent to another one; true: the request was answered. */
  #refuseLate(trail: RequestTrail): boolean {
    const { draining, retryAfterOnShutdown } = this.#options;
    const { exchange, headers, info } = trail;
    if (!draining.aborted || EXEMPT_PATH.test(info.path)) return false;
    if (!retryAfterOnShutdown) throw CLOSING;
    exchange.goAway?.();
    if (exchange.goAway === undefined) headers["connection"] = "close";
    headers["retry-after"] = String(RETRY_AFTER_SECONDS);
    headers["content-type"] = "text/plain; charset=utf-8";
    exchange.respond(429, headers, `${RETRY_LATER}\n`);
    trail.ended(429);
    return true;
  }

  async #authenticate(credentials: Credentials, path: string, notes: Notes): Promise<UserInfo> {
    const { authenticator, closing, clock, metrics, allowsAnonymous } = this.#options;
    if (authenticator === undefined) return anonymousUser;
    const startedMs = clock.monotonicMs();
    const seconds = (): number => (clock.monotonicMs() - startedMs) / 1000;
    try {
      const user =
        this.#rememberedUser(credentials) ??
        (await authenticator.authenticate(credentials, closing, notes)) ??
        anonymousUser;
      if (user === anonymousUser && allowsAnonymous?.(path) === false) throw unauthorized();
      this.#remember(credentials, user);
      metrics.authenticated("success", seconds(), user.name);
      return user;
    } catch (err) {
      metrics.authenticated("error", seconds());
      throw err;
    }
  }

  async #impersonated(
    sender: UserInfo,
    { target, info, audit }: RequestTrail,
    credentials: Credentials,
  ): Promise<UserInfo> {
    const { authenticator, authorizer } = this.#options;
    if (authenticator === undefined) return sender;
    const request = authorizationAttributes(sender, info, target.query);
    let constraint = "";
    const user = await impersonate(credentials, request, authorizer, (verb) => (constraint = verb));
    if (user !== sender) audit?.recordImpersonation(user, constraint);
    return user;
  }

  /** Every request of a connection shows the same certificate: hashing it each time costs more than the answer. */
  #rememberedUser(credentials: Credentials): UserInfo | undefined {
    const { clientCertificate } = credentials;
    if (clientCertificate === undefined || this.#saysMore(credentials)) return undefined;
    const remembered = this.#users.get(clientCertificate);
    if (remembered === undefined || remembered.until < this.#options.clock.monotonicMs()) return undefined;
    return remembered.user;
  }

  #remember(credentials: Credentials, user: UserInfo): void {
    const { clientCertificate } = credentials;
    if (clientCertificate === undefined || this.#saysMore(credentials)) return;
    const known = this.#users.get(clientCertificate);
    if (known?.user === user) return;
    const until = this.#options.clock.monotonicMs() + CERTIFICATE_USER_MS;
    this.#users.set(clientCertificate, { user, until });
  }

  /** Who asks may be another than the one whom the certificate names. */
  #saysMore({ headers }: Credentials): boolean {
    if (headers["authorization"] !== undefined) return true;
    return this.#options.frontProxyHeaders.some((name) => headers[name.toLowerCase()] !== undefined);
  }

  #fail(err: unknown, trail: RequestTrail): number {
    const { exchange, headers, info } = trail;
    const result = statusResult(err);
    if (result.type !== "value") return 500;
    const retryAfter = err instanceof StatusError ? err.details?.retryAfterSeconds : undefined;
    if (retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
    if (result.status === 401) headers["www-authenticate"] = 'Bearer realm="kubernetes-master"';
    if (result.status === 429) trail.terminated(429);
    const recorded = trail.failing(err, result) ?? Promise.resolve();
    const { sent } = trail;
    const context = { exchange, headers, ...this.#options, signal: this.#options.closing, sent };
    void recorded
      .then(() => writeResult(result, context))
      .catch((cause: unknown) =>
        this.#options.logger.warn("Answer could not be written", { path: info.path, err: cause }),
      );
    return result.status;
  }
}

function whenClosed({ upgrade }: HttpRequest, callback: () => void): void {
  const socket = upgrade?.socket;
  if (socket === undefined || socket.destroyed) callback();
  else socket.once("close", callback);
}
