/** How audit events are kept: what `--audit-log-*` and `--audit-webhook-*` say, and upstream's defaults. @module */
import type { ClientConfig } from "#client/node";
import type { AuditPolicy } from "./types.ts";

/**
 * `batch`: events are kept in memory and written in the background; requests never wait. `blocking`: the answer waits until
 * the event is written. `blocking-strict`: and the request is refused when its first event cannot be.
 */
export type AuditMode = "batch" | "blocking" | "blocking-strict";

export const AUDIT_MODES: readonly AuditMode[] = ["batch", "blocking", "blocking-strict"];

export interface AuditBatchOptions {
  /** Events that wait at most; those beyond are lost, and counted. */
  readonly bufferSize: number;
  /** Events in one batch. */
  readonly maxSize: number;
  /** How long a batch may wait to be full. */
  readonly maxWaitMs: number;
  /** Batches per second; absent: as fast as they come. */
  readonly throttle?: { readonly qps: number; readonly burst: number };
}

export interface AuditTruncateOptions {
  readonly maxEventBytes: number;
  readonly maxBatchBytes: number;
}

interface AuditBackendOptions {
  readonly mode: AuditMode;
  readonly batch: AuditBatchOptions;
  /** Absent: events are as large as they are. */
  readonly truncate?: AuditTruncateOptions;
}

export interface AuditLogOptions extends AuditBackendOptions {
  /** A file, or `-` for standard output. */
  readonly path: string;
  readonly format: "json" | "legacy";
  /** Days that rotated files are kept; 0: for ever. */
  readonly maxAgeDays: number;
  /** Rotated files that are kept; 0: all. */
  readonly maxBackups: number;
  /** Megabytes at which the file is rotated; 0: never. */
  readonly maxSizeMb: number;
  /** Rotated files are packed with gzip. */
  readonly compress: boolean;
}

export interface AuditWebhookOptions extends AuditBackendOptions {
  /** Where the events go, and who says so: the current context of a kubeconfig. */
  readonly config: ClientConfig;
  readonly initialBackoffMs: number;
}

export interface AuditOptions {
  readonly policy: AuditPolicy;
  readonly log?: AuditLogOptions;
  readonly webhook?: AuditWebhookOptions;
}

const BUFFER_SIZE = 10_000;

export const logBatchDefaults: AuditBatchOptions = { bufferSize: BUFFER_SIZE, maxSize: 1, maxWaitMs: 0 };
export const webhookBatchDefaults: AuditBatchOptions = {
  bufferSize: BUFFER_SIZE,
  maxSize: 400,
  maxWaitMs: 30_000,
  throttle: { qps: 10, burst: 15 },
};
export const truncateDefaults: AuditTruncateOptions = {
  maxEventBytes: 100 * 1024,
  maxBatchBytes: 10 * 1024 * 1024,
};
export const logDefaults: Omit<AuditLogOptions, "path"> = {
  mode: "blocking",
  batch: logBatchDefaults,
  format: "json",
  maxAgeDays: 366,
  maxBackups: 100,
  maxSizeMb: 100,
  compress: false,
};
export const webhookDefaults: Omit<AuditWebhookOptions, "config"> = {
  mode: "batch",
  batch: webhookBatchDefaults,
  initialBackoffMs: 10_000,
};

/** Upstream's complaints about options that make no sense together. */
export function validateAuditOptions({
  log,
  webhook,
}: Pick<AuditOptions, "log" | "webhook">): readonly string[] {
  return [
    ...(log === undefined ? [] : [...validateBackend("log", log), ...validateLog(log)]),
    ...(webhook === undefined ? [] : validateBackend("webhook", webhook)),
  ];
}

function validateBackend(name: string, { mode, batch, truncate }: AuditBackendOptions): readonly string[] {
  if (!AUDIT_MODES.includes(mode)) {
    return [`invalid audit ${name} mode ${mode}, allowed modes are ${JSON.stringify(AUDIT_MODES.join(","))}`];
  }
  return [
    ...(mode === "batch" ? validateBatch(name, batch) : []),
    ...(truncate === undefined ? [] : validateTruncate(name, truncate)),
  ].slice(0, 1);
}

function validateBatch(
  name: string,
  { bufferSize, maxSize, throttle }: AuditBatchOptions,
): readonly string[] {
  const positive: readonly (readonly [string, number])[] = [
    ["buffer size", bufferSize],
    ["max batch size", maxSize],
    ...(throttle === undefined
      ? []
      : ([
          ["throttle QPS", throttle.qps],
          ["throttle burst", throttle.burst],
        ] as const)),
  ];
  return positive
    .filter(([, value]) => !(value > 0))
    .map(([what, value]) => `invalid audit batch ${name} ${what} ${value}, must be a positive number`);
}

function validateTruncate(
  name: string,
  { maxEventBytes, maxBatchBytes }: AuditTruncateOptions,
): readonly string[] {
  if (!(maxEventBytes > 0)) {
    return [`invalid audit truncate ${name} max event size ${maxEventBytes}, must be a positive number`];
  }
  if (maxBatchBytes >= maxEventBytes) return [];
  return [
    `invalid audit truncate ${name} max batch size ${maxBatchBytes}, must be greater than max event size (${maxEventBytes})`,
  ];
}

function validateLog({ format, maxAgeDays, maxBackups, maxSizeMb }: AuditLogOptions): readonly string[] {
  const isKnown = ["legacy", "json"].includes(format);
  const numbers = { maxage: maxAgeDays, maxbackup: maxBackups, maxsize: maxSizeMb };
  return [
    ...(isKnown ? [] : [`invalid audit log format ${format}, allowed formats are "legacy,json"`]),
    ...Object.entries(numbers)
      .filter(([, value]) => value < 0)
      .map(([name, value]) => `--audit-log-${name} ${value} can't be a negative number`),
  ];
}
