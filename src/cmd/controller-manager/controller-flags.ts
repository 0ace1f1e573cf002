/** The flags of kube-controller-manager that say which controllers run and how; `k8ts server` has them too. @module */
import { Option, type Command } from "commander";
import type { ControllerOptions } from "#controllers";
import { durationMs, whole } from "../flag-values.ts";
import { addEvictionFlags, evictionRates, type EvictionFlags } from "./eviction-flags.ts";

/** Named without `--`: the controller whose workers are counted, and the default. */
const CONCURRENCY: readonly (readonly [flag: string, controller: string, workers: number])[] = [
  ["concurrent-cron-job-syncs", "cronjob-controller", 5],
  ["concurrent-daemonset-syncs", "daemonset-controller", 2],
  ["concurrent-deployment-syncs", "deployment-controller", 5],
  ["concurrent-device-taint-eviction-syncs", "device-taint-eviction-controller", 8],
  ["concurrent-endpoint-syncs", "endpoints-controller", 5],
  ["concurrent-ephemeralvolume-syncs", "ephemeral-volume-controller", 5],
  ["concurrent-gc-syncs", "garbage-collector-controller", 20],
  ["concurrent-horizontal-pod-autoscaler-syncs", "horizontal-pod-autoscaler-controller", 5],
  ["concurrent-job-syncs", "job-controller", 5],
  ["concurrent-namespace-syncs", "namespace-controller", 10],
  ["concurrent-rc-syncs", "replicationcontroller-controller", 5],
  ["concurrent-replicaset-syncs", "replicaset-controller", 5],
  ["concurrent-resource-quota-syncs", "resourcequota-controller", 5],
  ["concurrent-resourceclaim-syncs", "resourceclaim-controller", 50],
  ["concurrent-service-endpoint-syncs", "endpointslice-controller", 5],
  ["concurrent-service-syncs", "service-lb-controller", 1],
  ["concurrent-serviceaccount-token-syncs", "serviceaccount-token-controller", 5],
  ["concurrent-statefulset-syncs", "statefulset-controller", 5],
  ["concurrent-ttl-after-finished-syncs", "ttl-after-finished-controller", 5],
  ["concurrent-validating-admission-policy-status-syncs", "validatingadmissionpolicy-status-controller", 5],
  ["mirroring-concurrent-service-endpoint-syncs", "endpointslice-mirroring-controller", 5],
];

const YEAR_MS = 365 * 86_400_000;

/** The counts of `CONCURRENCY` are read by their names. */
export interface ControllerFlags extends EvictionFlags {
  readonly controllers: readonly string[];
  /** ms. */
  readonly nodeMonitorGracePeriod: number;
  /** ms. */
  readonly nodeStartupGracePeriod: number;
  readonly terminatedPodGcThreshold: number;
  readonly maxEndpointsPerSlice: number;
  readonly serviceLoadBalancerRange?: string;
  /** ms. */
  readonly clusterSigningDuration: number;
}

export function addControllerFlags(command: Command): void {
  command
    .option(
      "--controllers <names>",
      "which controllers run: * for those that are on by default, NAME, -NAME; of one name the first counts",
      namesOf,
      ["*"],
    )
    .addOption(
      new Option("--node-monitor-grace-period <duration>", "how long a node may be silent")
        .argParser(durationMs)
        .default(50_000, "50s"),
    )
    .addOption(
      new Option("--node-startup-grace-period <duration>", "how long a node may take to its first report")
        .argParser(durationMs)
        .default(60_000, "1m0s"),
    )
    .option("--terminated-pod-gc-threshold <count>", "finished pods that are kept; 0: all", whole, 12_500)
    .option(
      "--service-load-balancer-range <ranges>",
      "addresses of LoadBalancer services on the nodes' network: CIDRs or FIRST-LAST; default: none",
    )
    .addOption(
      new Option(
        "--cluster-signing-duration <duration>",
        "longest life of a certificate of the built-in signers",
      )
        .argParser(durationMs)
        .default(YEAR_MS, "8760h0m0s"),
    )
    .option("--max-endpoints-per-slice <count>", "endpoints of an EndpointSlice", whole, 100);
  addEvictionFlags(command);
  for (const [flag, controller, workers] of CONCURRENCY)
    command.option(`--${flag} <count>`, `objects that ${controller} works on at a time`, whole, workers);
}

function namesOf(text: string): readonly string[] {
  return text.split(",").map((name) => name.trim());
}

/** Throws what upstream says of values that cannot be. */
export function controllerOptions(
  flags: ControllerFlags,
): Pick<
  ControllerOptions,
  | "names"
  | "nodeMonitorGracePeriodMs"
  | "nodeStartupGracePeriodMs"
  | "terminatedPodGCThreshold"
  | "maxEndpointsPerSlice"
  | "concurrentSyncs"
  | "evictionRates"
  | "serviceLoadBalancerRange"
> {
  const counts = flags as unknown as Readonly<Record<string, number>>;
  const syncs = CONCURRENCY.map(([flag, controller]) => ({ flag, controller, count: counts[camel(flag)]! }));
  const problems = syncs.flatMap(({ flag, count }) =>
    count < 1 ? [`${flag} must be greater than 0, but got ${count}`] : [],
  );
  const { maxEndpointsPerSlice } = flags;
  if (maxEndpointsPerSlice < 1 || maxEndpointsPerSlice > ENDPOINTS_PER_SLICE_MAX)
    problems.push(
      `max-endpoints-per-slice must be between 1 and ${ENDPOINTS_PER_SLICE_MAX}, but got ${maxEndpointsPerSlice}`,
    );
  if (problems.length > 0) throw new Error(problems.join("; "));
  return {
    names: flags.controllers,
    nodeMonitorGracePeriodMs: flags.nodeMonitorGracePeriod,
    nodeStartupGracePeriodMs: flags.nodeStartupGracePeriod,
    terminatedPodGCThreshold: flags.terminatedPodGcThreshold,
    maxEndpointsPerSlice,
    ...(flags.serviceLoadBalancerRange !== undefined && {
      serviceLoadBalancerRange: flags.serviceLoadBalancerRange,
    }),
    evictionRates: evictionRates(flags),
    concurrentSyncs: Object.fromEntries(syncs.map(({ controller, count }) => [controller, count])),
  };
}

const ENDPOINTS_PER_SLICE_MAX = 1_000;

/** As commander names the value of a flag. */
function camel(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
