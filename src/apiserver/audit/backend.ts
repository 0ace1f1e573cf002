/** Where audit events go. @module */
import type { Logger } from "#apimachinery";
import type { AuditMetrics } from "./metrics.ts";
import type { AuditEvent } from "./types.ts";

/** An event and the line of JSON that it is written as, which is made once for all backends. */
export interface AuditRecord {
  readonly event: AuditEvent;
  readonly line: string;
}

export interface AuditBackend {
  /** False: the events could not be kept, which was counted and logged. Never rejects. */
  process(records: readonly AuditRecord[]): boolean | Promise<boolean>;
  /** Writes what waits. */
  close(): Promise<void>;
}

/** What every backend reports to. */
export interface BackendParts {
  readonly metrics: AuditMetrics;
  readonly logger: Logger;
}

/** Upstream's `HandlePluginError`; the events themselves are not logged: they may hold what no log should. */
export function reportLoss(
  plugin: string,
  cause: unknown,
  records: readonly AuditRecord[],
  { metrics, logger }: BackendParts,
): void {
  metrics.lost(plugin, records.length);
  logger.error("Audit events were lost", {
    plugin,
    events: records.length,
    auditID: records[0]?.event.auditID,
    err: cause,
  });
}

/** All of them get every event. */
export function unionBackend(backends: readonly AuditBackend[]): AuditBackend {
  return {
    process(records) {
      const results = backends.map((backend) => backend.process(records));
      if (results.every((result) => typeof result === "boolean")) return !results.includes(false);
      return Promise.all(results.map((result) => Promise.resolve(result))).then(
        (all) => !all.includes(false),
      );
    },
    close: async () => void (await Promise.all(backends.map((backend) => backend.close()))),
  };
}

/** Mode `blocking`: the caller waits, and goes on whatever became of it. */
export function ignoreErrors(backend: AuditBackend): AuditBackend {
  return {
    process(records) {
      const result = backend.process(records);
      return typeof result === "boolean" ? true : result.then(() => true);
    },
    close: () => backend.close(),
  };
}
