/** The flags by which of several schedulers or controller managers one works at a time. @module */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { Option, type Command } from "commander";
import type { LeaderElectionOptions } from "#client";
import { bool, durationMs } from "./flag-values.ts";

export interface LeaderElectionFlags {
  readonly leaderElect?: boolean;
  /** ms. */
  readonly leaderElectLeaseDuration: number;
  /** ms. */
  readonly leaderElectRenewDeadline: number;
  /** ms. */
  readonly leaderElectRetryPeriod: number;
  readonly leaderElectResourceNamespace: string;
}

/** `byDefault` is said in the help; what it comes to is the command's. */
export function addLeaderElectionFlags(command: Command, byDefault: string): void {
  command
    .option("--leader-elect [bool]", `of several one works at a time (default: ${byDefault})`, bool)
    .addOption(duration("lease-duration", "how long others wait for a leader that is silent", 15_000, "15s"))
    .addOption(duration("renew-deadline", "how long a leader tries to stay one", 10_000, "10s"))
    .addOption(duration("retry-period", "between two tries", 2_000, "2s"))
    .addOption(
      new Option("--leader-elect-resource-lock <kind>", "what is held").choices(["leases"]).default("leases"),
    )
    .option("--leader-elect-resource-namespace <name>", "namespace of the Lease", "kube-system");
}

function duration(flag: string, description: string, ms: number, text: string): Option {
  return new Option(`--leader-elect-${flag} <duration>`, description).argParser(durationMs).default(ms, text);
}

type Election = Pick<
  LeaderElectionOptions,
  "lease" | "identity" | "leaseDurationMs" | "renewDeadlineMs" | "retryPeriodMs"
>;

/** `name` is that of the Lease. */
export function electionOf(flags: LeaderElectionFlags, name: string): Election {
  return {
    lease: { namespace: flags.leaderElectResourceNamespace, name },
    identity: `${hostname()}_${randomUUID()}`,
    leaseDurationMs: flags.leaderElectLeaseDuration,
    renewDeadlineMs: flags.leaderElectRenewDeadline,
    retryPeriodMs: flags.leaderElectRetryPeriod,
  };
}
