/** A component of which one works at a time. @module */
import { runLeaderElection, type LeaderElectionOptions } from "#client";
import type { electionOf } from "./leader-election-flags.ts";

/**
 * Works until `signal` aborts. Without an `election` nobody else could. Rejects when leadership was lost: what the
 * process knows may be stale, so that it should end, and start again as a candidate.
 */
export async function whileLeading(
  election: ReturnType<typeof electionOf> | undefined,
  { work, ...surroundings }: Surroundings,
  signal: AbortSignal,
): Promise<void> {
  if (election === undefined) return work(signal);
  await runLeaderElection({ ...election, ...surroundings, onStartedLeading: work }, signal);
  if (!signal.aborted) throw new Error(`leader election lost: ${election.lease.name}`);
}

type Surroundings = Pick<
  LeaderElectionOptions,
  "client" | "clock" | "random" | "logger" | "metrics" | "recorder"
> & { readonly work: (signal: AbortSignal) => Promise<void> };
