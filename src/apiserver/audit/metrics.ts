/** Counters of auditing, under upstream's names. @module */
import { Family } from "../http/metric-family.ts";
import type { AuditLevel } from "./types.ts";

export class AuditMetrics {
  readonly #events = new Family(
    "counter",
    "apiserver_audit_event_total",
    "[ALPHA] Counter of audit events generated and sent to the audit backend.",
    [],
  );
  readonly #errors = new Family(
    "counter",
    "apiserver_audit_error_total",
    "[ALPHA] Counter of audit events that failed to be audited properly. Plugin identifies the plugin affected by the error.",
    ["plugin"],
  );
  readonly #levels = new Family(
    "counter",
    "apiserver_audit_level_total",
    "[ALPHA] Counter of policy levels for audit events (1 per request).",
    ["level"],
  );
  readonly #rejected = new Family(
    "counter",
    "apiserver_audit_requests_rejected_total",
    "[ALPHA] Counter of apiserver requests rejected due to an error in audit logging backend.",
    [],
  );

  constructor() {
    // what never happened shows as zero, as upstream
    this.#events.series();
    this.#rejected.series();
  }

  event(): void {
    this.#events.series().inc();
  }

  level(level: AuditLevel): void {
    this.#levels.series(level).inc();
  }

  lost(plugin: string, count: number): void {
    this.#errors.series(plugin).inc(count);
  }

  rejected(): void {
    this.#rejected.series().inc();
  }

  render(): string {
    return [this.#events, this.#errors, this.#levels, this.#rejected]
      .map((family) => family.render())
      .join("");
  }
}
