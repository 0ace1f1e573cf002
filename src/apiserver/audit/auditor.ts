/** Decides whether a request is audited, and hands its events to the backends. @module */
import type { Clock, Logger } from "#apimachinery";
import { unionBackend, type AuditBackend } from "./backend.ts";
import { formatEvent } from "./format.ts";
import { AuditMetrics } from "./metrics.ts";
import { openBackends } from "./open-backends.ts";
import type { AuditOptions } from "./options.ts";
import { policyEvaluator, type PolicyEvaluator } from "./policy.ts";
import { RequestAudit, type AuditFacts } from "./request-audit.ts";
import type { AuditEvent } from "./types.ts";

export interface AuditorParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** Opens the log file and so on. Undefined when there is no place for events: then nothing of auditing costs anything. */
export async function openAuditor(
  options: AuditOptions | undefined,
  parts: AuditorParts,
): Promise<Auditor | undefined> {
  if (options === undefined) return undefined;
  const metrics = new AuditMetrics();
  const backends = await openBackends(options, { ...parts, metrics });
  if (backends.length === 0) return undefined;
  return new Auditor(policyEvaluator(options.policy), unionBackend(backends), metrics, parts.clock);
}

export class Auditor {
  readonly metrics: AuditMetrics;
  readonly #evaluate: PolicyEvaluator;
  readonly #backend: AuditBackend;
  readonly #clock: Clock;

  constructor(evaluate: PolicyEvaluator, backend: AuditBackend, metrics: AuditMetrics, clock: Clock) {
    this.#evaluate = evaluate;
    this.#backend = backend;
    this.metrics = metrics;
    this.#clock = clock;
  }

  /** Undefined: the policy does not want to know. */
  begin(facts: AuditFacts): RequestAudit | undefined {
    const config = this.#evaluate(facts.attributes);
    this.metrics.level(config.level);
    if (config.level === "None") return undefined;
    return new RequestAudit({ config, facts, clock: this.#clock, send: (event) => this.#send(event) });
  }

  /** What waits is written. */
  close(): Promise<void> {
    return this.#backend.close();
  }

  #send(event: AuditEvent): boolean | Promise<boolean> {
    this.metrics.event();
    return this.#backend.process([{ event, line: formatEvent(event) }]);
  }
}
