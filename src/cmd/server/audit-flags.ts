/**
 * `--audit-*` of the API server. Each topic of flags has a file of this shape: `add…Flags` declares them, `…Options` makes
 * of them what the server is given. The declaration imports types alone: `k8ts status` must not load an API server.
 * @module
 */
import { readFile } from "node:fs/promises";
import { Option, type Command } from "commander";
import type { Logger } from "#apimachinery";
import type {
  ApiServerOptions,
  AuditBatchOptions,
  AuditLogOptions,
  AuditMode,
  AuditTruncateOptions,
  AuditWebhookOptions,
} from "#apiserver";
import { bool, decimal, durationMs, whole } from "../flag-values.ts";

/** What both backends have. */
interface BackendFlags {
  readonly Mode?: AuditMode;
  readonly BatchBufferSize?: number;
  readonly BatchMaxSize?: number;
  readonly BatchMaxWait?: number;
  readonly BatchThrottleEnable?: boolean;
  readonly BatchThrottleQps?: number;
  readonly BatchThrottleBurst?: number;
  readonly TruncateEnabled?: boolean;
  readonly TruncateMaxBatchSize?: number;
  readonly TruncateMaxEventSize?: number;
}

type Prefixed<P extends string> = { readonly [K in keyof BackendFlags as `${P}${K}`]?: BackendFlags[K] };

export interface AuditFlags extends Prefixed<"auditLog">, Prefixed<"auditWebhook"> {
  readonly auditPolicyFile?: string;
  readonly auditLogPath?: string;
  readonly auditLogFormat?: AuditLogOptions["format"];
  readonly auditLogMaxage?: number;
  readonly auditLogMaxbackup?: number;
  readonly auditLogMaxsize?: number;
  readonly auditLogCompress?: boolean;
  readonly auditWebhookConfigFile?: string;
  readonly auditWebhookInitialBackoff?: number;
}

export function addAuditFlags(command: Command): void {
  command
    .option("--audit-policy-file <path>", "which requests are recorded, and how much of them")
    .option("--audit-log-path <path>", "file that the events go to; '-' means standard output")
    .addOption(
      new Option("--audit-log-format <format>", "format of the file (default json)").choices([
        "json",
        "legacy",
      ]),
    )
    .option("--audit-log-maxage <days>", "how long rotated files are kept (default 366)", whole)
    .option("--audit-log-maxbackup <count>", "how many rotated files are kept (default 100)", whole)
    .option("--audit-log-maxsize <megabytes>", "size at which the file is rotated (default 100)", whole)
    .option("--audit-log-compress [bool]", "pack rotated files with gzip", bool)
    .option("--audit-webhook-config-file <path>", "kubeconfig of the webhook that the events go to")
    .option(
      "--audit-webhook-initial-backoff <duration>",
      "how long to wait before the first retry (default 10s)",
      durationMs,
    );
  addBackendFlags(command, "log", "blocking");
  addBackendFlags(command, "webhook", "batch");
}

function addBackendFlags(command: Command, name: "log" | "webhook", mode: AuditMode): void {
  const flag = `--audit-${name}`;
  command
    .addOption(
      new Option(`${flag}-mode <mode>`, `whether requests wait for their events (default ${mode})`).choices([
        "batch",
        "blocking",
        "blocking-strict",
      ]),
    )
    .option(`${flag}-batch-buffer-size <count>`, "events that wait at most in batch mode", whole)
    .option(`${flag}-batch-max-size <count>`, "events of one batch", whole)
    .option(`${flag}-batch-max-wait <duration>`, "how long a batch waits to be full", durationMs)
    .option(`${flag}-batch-throttle-enable [bool]`, "whether batches per second are bounded", bool)
    .option(`${flag}-batch-throttle-qps <number>`, "batches per second", decimal)
    .option(`${flag}-batch-throttle-burst <count>`, "batches at once after a quiet time", whole)
    .option(`${flag}-truncate-enabled [bool]`, "whether large events lose their objects", bool)
    .option(`${flag}-truncate-max-batch-size <bytes>`, "size of a batch", whole)
    .option(`${flag}-truncate-max-event-size <bytes>`, "size of an event", whole);
}

/** Nothing when no policy is given: then nothing is recorded, as upstream. Throws what is wrong with the files or flags. */
export async function auditOptions(
  flags: AuditFlags,
  logger: Logger,
): Promise<Pick<ApiServerOptions, "audit">> {
  const { auditPolicyFile: file, auditLogPath = "", auditWebhookConfigFile = "" } = flags;
  // Empty: what the launcher names is not wanted.
  if (file === undefined || file === "") return {};
  const { parseAuditPolicy, validateAuditOptions } = await import("#apiserver");
  const text = await readPolicy(file);
  let policy;
  try {
    policy = parseAuditPolicy(text, (problem) => logger.warn(problem));
  } catch (err) {
    throw new Error(`loading audit policy file: ${(err as Error).message}: from file ${file}`, {
      cause: err,
    });
  }
  const backends = {
    ...(auditLogPath !== "" && { log: await logOptions(flags, auditLogPath) }),
    ...(auditWebhookConfigFile !== "" && { webhook: await webhookOptions(flags, auditWebhookConfigFile) }),
  };
  const problems = validateAuditOptions(backends);
  if (problems.length > 0) throw new Error(problems.join("; "));
  return { audit: { policy, ...backends } };
}

async function readPolicy(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (err) {
    const why = `failed to read file path ${JSON.stringify(file)}: ${(err as Error).message}`;
    throw new Error(`loading audit policy file: ${why}`, { cause: err });
  }
}

async function logOptions(flags: AuditFlags, path: string): Promise<AuditLogOptions> {
  const { auditLogDefaults: defaults, auditTruncateDefaults: truncate } = await import("#apiserver");
  return {
    path,
    format: flags.auditLogFormat ?? defaults.format,
    maxAgeDays: flags.auditLogMaxage ?? defaults.maxAgeDays,
    maxBackups: flags.auditLogMaxbackup ?? defaults.maxBackups,
    maxSizeMb: flags.auditLogMaxsize ?? defaults.maxSizeMb,
    compress: flags.auditLogCompress ?? defaults.compress,
    ...backendOptions(flags, "auditLog", defaults, truncate),
  };
}

async function webhookOptions(flags: AuditFlags, path: string): Promise<AuditWebhookOptions> {
  const [{ auditTruncateDefaults: truncate, auditWebhookDefaults: defaults }, kubeconfigs] =
    await Promise.all([import("#apiserver"), import("#client/node")]);
  const kubeconfig = await kubeconfigs.loadKubeconfig({ explicitPath: path, env: {}, homeDir: "/" });
  return {
    config: kubeconfigs.clientConfigOf(kubeconfig, {}),
    initialBackoffMs: flags.auditWebhookInitialBackoff ?? defaults.initialBackoffMs,
    ...backendOptions(flags, "auditWebhook", defaults, truncate),
  };
}

function backendOptions(
  flags: AuditFlags,
  prefix: "auditLog" | "auditWebhook",
  defaults: { readonly mode: AuditMode; readonly batch: AuditBatchOptions },
  truncate: AuditTruncateOptions,
): { readonly mode: AuditMode; readonly batch: AuditBatchOptions; readonly truncate?: AuditTruncateOptions } {
  const given = <K extends keyof BackendFlags>(name: K): BackendFlags[K] =>
    flags[`${prefix}${name}`] as unknown as BackendFlags[K];
  const { batch } = defaults;
  const throttle = {
    qps: given("BatchThrottleQps") ?? batch.throttle?.qps ?? 0,
    burst: given("BatchThrottleBurst") ?? batch.throttle?.burst ?? 0,
  };
  const isThrottled = given("BatchThrottleEnable") ?? batch.throttle !== undefined;
  return {
    mode: given("Mode") ?? defaults.mode,
    batch: {
      bufferSize: given("BatchBufferSize") ?? batch.bufferSize,
      maxSize: given("BatchMaxSize") ?? batch.maxSize,
      maxWaitMs: given("BatchMaxWait") ?? batch.maxWaitMs,
      ...(isThrottled && { throttle }),
    },
    ...(given("TruncateEnabled") === true && {
      truncate: {
        maxEventBytes: given("TruncateMaxEventSize") ?? truncate.maxEventBytes,
        maxBatchBytes: given("TruncateMaxBatchSize") ?? truncate.maxBatchBytes,
      },
    }),
  };
}
