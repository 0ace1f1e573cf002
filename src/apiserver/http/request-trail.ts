/** What is kept of one request over HTTP while it is answered: its identity, its measures, its audit event. @module */
import { StatusError, type Clock } from "#apimachinery";
import type { Auditor } from "../audit/auditor.ts";
import { beginAudit } from "../audit/begin-audit.ts";
import { codeOf, recordResult } from "../audit/record-result.ts";
import type { RequestAudit } from "../audit/request-audit.ts";
import { sourceIPs } from "../audit/source-ips.ts";
import { authorizationAttributes } from "../handlers/authorize.ts";
import type { Dispatcher } from "../handlers/dispatch.ts";
import { headerValue, type Result } from "../handlers/request.ts";
import { newUid } from "../registry/uid.ts";
import type { UserInfo } from "../user-info.ts";
import type { AnswerHeaders, Exchange } from "./exchange.ts";
import { parseTarget, type HttpRequest, type RequestTarget } from "./http-request.ts";
import { requestInfo, type RequestInfo } from "./request-info.ts";
import { metricDryRun, metricVerb, type RequestMetrics } from "./request-metrics.ts";
import { isLongRunning } from "./request-timeout.ts";

export interface TrailParts {
  readonly dispatcher: Pick<Dispatcher, "serves">;
  readonly metrics: RequestMetrics;
  /** Absent: nothing is audited. */
  readonly auditor?: Auditor | undefined;
  readonly clock: Clock;
  readonly random: () => number;
}

const NOBODY: UserInfo = { name: "", groups: [] };

export class RequestTrail {
  readonly exchange: Exchange;
  readonly target: RequestTarget;
  readonly info: RequestInfo;
  /** Of the answer. */
  readonly headers: AnswerHeaders;
  readonly isLong: boolean;
  readonly verb: string;
  /** Of the answer's body. */
  readonly sent: { bytes: number } = { bytes: 0 };
  audit: RequestAudit | undefined;
  readonly #parts: TrailParts;
  readonly #startedMs: number;
  #request: HttpRequest | undefined;
  #leaveGauge: (() => void) | undefined;

  constructor(exchange: Exchange, parts: TrailParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.monotonicMs();
    this.exchange = exchange;
    this.target = parseTarget(exchange.target);
    this.info = requestInfo(exchange.method, this.target.path, this.target.query);
    const given = headerValue(exchange, "audit-id");
    const auditID = given === "" ? newUid(parts.random) : given;
    this.headers = { "audit-id": auditID, "cache-control": "no-cache, private" };
    this.isLong = isLongRunning(this.info);
    this.verb = metricVerb(this.info, exchange);
  }

  /** Asks the policy whether the request of `user` is audited. Throws if it must be and cannot. */
  async begin(user: UserInfo): Promise<void> {
    const { auditor } = this.#parts;
    if (auditor !== undefined) this.audit = await beginAudit(auditor, this.#facts(user));
  }

  /** `request` is what will be handled. */
  handling(request: HttpRequest): void {
    this.#request = request;
  }

  /** Before `result` is written. `isEndless`: its end comes later, and `ended` is called then. */
  async answering(result: Result, isEndless: boolean): Promise<void> {
    if (isEndless) {
      this.#leaveGauge = this.#parts.metrics.longRunning(this.info, this.verb, this.#isServed);
    }
    const { audit } = this;
    if (audit === undefined) return;
    await recordResult(audit, result);
    if (this.isLong) await audit.started(codeOf(result));
    if (!isEndless) await audit.complete();
  }

  /** The request is refused with `result`. Resolves when this was recorded. */
  failing(err: unknown, result: Result): Promise<void> | undefined {
    const { audit } = this;
    const { auditor } = this.#parts;
    if (this.#leaveGauge !== undefined) {
      // the answer had begun: it broke off, and was not refused
      this.aborted();
      return undefined;
    }
    if (audit !== undefined) return this.#recordFailure(audit, err, result);
    if (auditor === undefined || codeOf(result) !== 401) return undefined;
    // nobody knows who it was: the policy is asked as for a user without name
    const unknown = auditor.begin(this.#facts(NOBODY));
    if (unknown === undefined) return undefined;
    return recordResult(unknown, result).then(async () => void (await unknown.started(codeOf(result))));
  }

  /** The answer is complete, or as complete as it will be. */
  ended(code: number): void {
    const { metrics, clock } = this.#parts;
    if (this.#leaveGauge !== undefined) {
      // other answers were recorded before they were written
      this.#leaveGauge();
      this.#leaveGauge = undefined;
      void this.audit?.complete();
    }
    metrics.observe(this.info, this.verb, this.#isServed, {
      code,
      seconds: (clock.monotonicMs() - this.#startedMs) / 1000,
      waitedSeconds: (this.#request?.waitedMs ?? 0) / 1000,
      responseBytes: this.sent.bytes,
      requestBytes: this.#request?.bodyBytes ?? 0,
      dryRun: metricDryRun(this.target.query),
    });
  }

  /** The server refused or cut the request to stay alive. */
  terminated(code: number): void {
    this.#parts.metrics.terminated(this.info, this.verb, this.#isServed, code);
  }

  /** The answer broke off in its middle. */
  aborted(): void {
    this.#parts.metrics.aborted(this.info, this.verb, this.#isServed);
  }

  get #isServed(): boolean {
    return this.#parts.dispatcher.serves(this.info);
  }

  async #recordFailure(audit: RequestAudit, err: unknown, result: Result): Promise<void> {
    await recordResult(audit, result);
    if (this.isLong) await audit.started(codeOf(result));
    if (err instanceof StatusError) await audit.complete();
    else await audit.panicked(err);
  }

  #facts(user: UserInfo): Parameters<Auditor["begin"]>[0] {
    const { exchange, info, target } = this;
    return {
      auditID: this.headers["audit-id"] as string,
      requestURI: exchange.target,
      sourceIPs: sourceIPs(exchange.credentials),
      userAgent: headerValue(exchange, "user-agent"),
      receivedMs: this.#parts.clock.now(),
      attributes: authorizationAttributes(user, info, target.query),
    };
  }
}
