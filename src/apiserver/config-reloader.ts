/** Looks at a configuration file again and again, and has it applied when it has changed. A bad file changes nothing but a counter. @module */
import { readFile } from "node:fs/promises";
import type { Clock, Logger } from "#apimachinery";
import type { SecurityMetrics } from "./security-metrics.ts";

export interface ReloadOptions {
  /** For metrics and logs. */
  readonly what: "authentication" | "authorization";
  readonly path: string;
  /** What is in force. */
  readonly text: string;
  /** Throws when the file is not to be had; what is in force stays. */
  readonly apply: (text: string) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: SecurityMetrics;
}

/** Upstream learns of a change from the file system, and looks once a minute besides. */
const INTERVAL_MS = 5_000;

/** Until `signal` aborts. */
export async function runReloader(options: ReloadOptions, signal: AbortSignal): Promise<void> {
  let known = options.text;
  let isUnreadable = false;
  while (!signal.aborted) {
    await options.clock.sleep(INTERVAL_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    let text: string;
    try {
      text = await readFile(options.path, "utf8");
    } catch (err) {
      // Said once: it may be gone for the moment in which it is replaced.
      if (!isUnreadable) failed(options, err);
      isUnreadable = true;
      continue;
    }
    isUnreadable = false;
    if (text === known) continue;
    known = text;
    try {
      await options.apply(text);
      counted(options, "success");
      options.logger.info(`reloaded ${options.what} config`, { path: options.path });
    } catch (err) {
      if (!signal.aborted) failed(options, err);
    }
  }
}

function failed(options: ReloadOptions, err: unknown): void {
  options.logger.error(`reloading ${options.what} config`, { path: options.path, err });
  counted(options, "failure");
}

function counted({ what, metrics, clock }: ReloadOptions, status: "success" | "failure"): void {
  const name = `apiserver_${what}_config_controller_automatic_reload`;
  metrics?.inc(`${name}s_total`, { status });
  metrics?.set(`${name}_last_timestamp_seconds`, { status }, clock.now() / 1_000);
}
