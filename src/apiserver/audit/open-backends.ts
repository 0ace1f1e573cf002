/** The backends that the options ask for, each in its mode. @module */
import type { Clock } from "#apimachinery";
import { ignoreErrors, type AuditBackend, type BackendParts } from "./backend.ts";
import { BatchBackend } from "./batch-backend.ts";
import { LogBackend, stdoutSink } from "./log-backend.ts";
import type { AuditLogOptions, AuditOptions, AuditWebhookOptions } from "./options.ts";
import { openRotatingFile } from "./rotating-file.ts";
import { truncateBackend } from "./truncate-backend.ts";
import { WebhookBackend } from "./webhook-backend.ts";

const WEBHOOK_TIMEOUT_MS = 30_000;

export interface OpenParts extends BackendParts {
  readonly clock: Clock;
  readonly random: () => number;
}

export async function openBackends(
  { log, webhook }: AuditOptions,
  parts: OpenParts,
): Promise<readonly AuditBackend[]> {
  return [
    ...(log === undefined ? [] : [await openLog(log, parts)]),
    ...(webhook === undefined ? [] : [await openWebhook(webhook, parts)]),
  ];
}

async function openLog(options: AuditLogOptions, parts: OpenParts): Promise<AuditBackend> {
  const { clock, logger } = parts;
  const sink = options.path === "-" ? stdoutSink : await openRotatingFile({ ...options, clock, logger });
  return inMode(new LogBackend(sink, options.format, parts), options, parts, false);
}

async function openWebhook(options: AuditWebhookOptions, parts: OpenParts): Promise<AuditBackend> {
  // loaded by those who want it: it is a whole HTTP client
  const { newHttpTransport } = await import("#client/node");
  const { clock, random, logger } = parts;
  const { config, initialBackoffMs } = options;
  const transport = newHttpTransport(config, { clock, random, logger, requestTimeoutMs: WEBHOOK_TIMEOUT_MS });
  const hasPath = new URL(config.server).pathname !== "/";
  const webhook = new WebhookBackend({ ...parts, transport, path: hasPath ? "" : "/", initialBackoffMs });
  const backend = inMode(webhook, options, parts, true);
  return {
    process: (records) => backend.process(records),
    close() {
      webhook.hurry();
      return backend.close();
    },
  };
}

function inMode(
  backend: AuditBackend,
  { mode, batch, truncate }: Pick<AuditLogOptions, "mode" | "batch" | "truncate">,
  parts: OpenParts,
  isConcurrent: boolean,
): AuditBackend {
  const own =
    mode === "batch"
      ? new BatchBackend(backend, batch, { ...parts, isConcurrent })
      : mode === "blocking"
        ? ignoreErrors(backend)
        : backend;
  return truncate === undefined ? own : truncateBackend(own, truncate, parts);
}
