/** How the API server ends: `--shutdown-*` and `--goaway-chance`. @module */
import type { Command } from "commander";
import type { ApiServerOptions } from "#apiserver";
import { bool, decimal, durationMs } from "../flag-values.ts";

const GOAWAY_CHANCE_MAX = 0.02;

export interface ShutdownFlags {
  readonly shutdownDelayDuration?: number;
  readonly shutdownSendRetryAfter?: boolean;
  readonly goawayChance?: number;
}

export function addShutdownFlags(command: Command): void {
  command
    .option(
      "--shutdown-delay-duration <duration>",
      "how long the server answers as before while /readyz fails already (default 0s)",
      durationMs,
    )
    .option(
      "--shutdown-send-retry-after [bool]",
      "tell late requests when to come again (429) instead of that the server closes (503)",
      bool,
    )
    .option(
      "--goaway-chance <probability>",
      "of a request to move its client to a new connection; 0 to 0.02 (default 0)",
      decimal,
    );
}

/** Throws what is wrong with the flags. */
export function shutdownOptions({
  shutdownDelayDuration = 0,
  shutdownSendRetryAfter = false,
  goawayChance = 0,
}: ShutdownFlags): Pick<ApiServerOptions, "shutdownDelayMs" | "shutdownSendRetryAfter" | "goawayChance"> {
  if (shutdownDelayDuration < 0) throw new Error("--shutdown-delay-duration can not be negative value");
  if (goawayChance < 0 || goawayChance > GOAWAY_CHANCE_MAX) {
    throw new Error("--goaway-chance can not be less than 0 or greater than 0.02");
  }
  return { shutdownDelayMs: shutdownDelayDuration, shutdownSendRetryAfter, goawayChance };
}
