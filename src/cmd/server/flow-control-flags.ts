/** The flags of the API server that bound its work: requests at once, and how long one may take. @module */
import { Option, type Command } from "commander";
import type { ApiServerOptions } from "#apiserver";
import { bool, durationMs, whole } from "../flag-values.ts";

export interface FlowControlFlags {
  readonly enablePriorityAndFairness: boolean;
  readonly maxRequestsInflight: number;
  readonly maxMutatingRequestsInflight: number;
  /** ms. */
  readonly requestTimeout: number;
}

const REQUEST_TIMEOUT_MS = 60_000;

export function addFlowControlFlags(command: Command): void {
  command
    .option(
      "--enable-priority-and-fairness [bool]",
      "queue requests by priority and flow; else each limit refuses what is beyond it",
      bool,
      true,
    )
    .option(
      "--max-requests-inflight <count>",
      "reading requests at once; with priority and fairness, the sum of both limits is divided",
      whole,
      400,
    )
    .option("--max-mutating-requests-inflight <count>", "writing requests at once; 0: no limit", whole, 200)
    .addOption(
      new Option(
        "--request-timeout <duration>",
        "how long a request may take that is no watch, log, exec, attach, port-forward or proxy",
      )
        .argParser(durationMs)
        .default(REQUEST_TIMEOUT_MS, "1m0s"),
    );
}

/** Throws what upstream says of flags that do not go together. */
export function flowControlOptions(
  flags: FlowControlFlags,
): Required<Pick<ApiServerOptions, "priorityAndFairness" | "limits">> {
  const {
    enablePriorityAndFairness: priorityAndFairness,
    maxRequestsInflight: inFlightMax,
    maxMutatingRequestsInflight: mutatingInFlightMax,
    requestTimeout: requestTimeoutMs,
  } = flags;
  const problems = [
    ...(inFlightMax < 0 ? ["--max-requests-inflight can not be negative value"] : []),
    ...(mutatingInFlightMax < 0 ? ["--max-mutating-requests-inflight can not be negative value"] : []),
    ...(requestTimeoutMs < 0 ? ["--request-timeout can not be negative value"] : []),
  ];
  if (problems.length > 0) throw new Error(problems.join("; "));
  return { priorityAndFairness, limits: { inFlightMax, mutatingInFlightMax, requestTimeoutMs } };
}
