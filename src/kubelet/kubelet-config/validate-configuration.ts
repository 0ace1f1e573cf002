/** What contradicts itself in a kubelet's configuration. Pure; rules and words are upstream's. @module */
import { formatDuration } from "#apimachinery";
import { parseThresholds } from "../eviction/thresholds.ts";
import { DEFAULT_IMAGE_GC } from "../images/image-gc-plan.ts";
import { ENFORCEMENTS } from "../node-status/enforcement.ts";
import type { ShutdownConfig } from "../nodeshutdown/plan.ts";
import { sysctlPatternError } from "../sysctl/allowlist.ts";
import { USERNS_UNIT } from "../userns/id-ranges.ts";
import type { FileOptions } from "./kubelet-configuration.ts";

const LOG_MONITOR_MIN_MS = 3000;
const SECOND = 1;
const SECOND_MS = 1000;
const BACK_OFF_MAX_MS = 300_000;
const NOT_NEGATIVE = [
  ["maxPods", "max-pods"],
  ["podsPerCore", "pods-per-core"],
  ["eventRecordQPS", "event-qps"],
  ["eventBurst", "event-burst"],
  ["kubeAPIQPS", "kube-api-qps"],
  ["kubeAPIBurst", "kube-api-burst"],
  ["registryPullQPS", "registry-qps"],
  ["registryBurst", "registry-burst"],
] as const;

export function validateConfiguration(options: FileOptions): readonly string[] {
  return [
    ...imageErrors(options),
    ...logErrors(options),
    ...shutdownErrors(options.shutdown ?? {}),
    ...userNamespaceErrors(options.userNamespacesIdsPerPod),
    ...thresholdErrors(options),
    ...((options.nodeLeaseDurationSeconds ?? SECOND) > 0
      ? []
      : ["nodeLeaseDurationSeconds must be greater than 0"]),
    ...((options.parallelImagePullsMax ?? 1) > 0
      ? []
      : [`maxParallelImagePulls ${options.parallelImagePullsMax} must be a positive number`]),
    ...NOT_NEGATIVE.flatMap(([name, flag]) => {
      const value = options[name] ?? 0;
      return value < 0 ? [`${name} (--${flag}) ${value} must not be a negative number`] : [];
    }),
    ...rangeErrors(options),
    ...enforcementErrors(options),
    ...(options.allowedUnsafeSysctls ?? []).flatMap((pattern) => sysctlPatternError(pattern) ?? []),
  ];
}

function rangeErrors({
  crashLoopBackOffMaxMs: backOff = BACK_OFF_MAX_MS,
  cpuQuotaPeriodMs: period = SECOND_MS,
  oomScoreAdj = 0,
  nodeStatusMaxImages = 0,
}: FileOptions): readonly string[] {
  const errors: string[] = [];
  if (backOff < SECOND_MS || backOff > BACK_OFF_MAX_MS) {
    const got = `CrashLoopBackOff.MaxContainerRestartPeriod (got: ${backOff / SECOND_MS} seconds)`;
    errors.push(`${got} must be set between 1s and 300s`);
  }
  if (period < 1 || period > SECOND_MS) {
    const name = "cpuCFSQuotaPeriod (--cpu-cfs-quota-period)";
    errors.push(`${name} ${formatDuration(period)} must be between 1ms and 1sec, inclusive`);
  }
  if (oomScoreAdj < -1000 || oomScoreAdj > 1000) {
    errors.push(`oomScoreAdj (--oom-score-adj) ${oomScoreAdj} must be between -1000 and 1000, inclusive`);
  }
  if (nodeStatusMaxImages < -1)
    errors.push(
      `nodeStatusMaxImages (--node-status-max-images) ${nodeStatusMaxImages} must be -1 or greater`,
    );
  return errors;
}

/** Who is bounded must have a cgroup, and nobody is bounded twice. */
function enforcementErrors({
  enforceNodeAllocatable: asked = [],
  ...cgroups
}: FileOptions): readonly string[] {
  const own = `${cgroups.systemReservedCgroup ?? ""}${cgroups.kubeReservedCgroup ?? ""}`;
  if (cgroups.reservedSystemCPUs !== undefined && own !== "") {
    const others =
      "systemReservedCgroup (--system-reserved-cgroup) or kubeReservedCgroup (--kube-reserved-cgroup)";
    return [`can't use reservedSystemCPUs (--reserved-cpus) with ${others}`];
  }
  const field = "enforceNodeAllocatable (--enforce-node-allocatable)";
  const errors: string[] = [];
  for (const who of ["system", "kube"] as const) {
    const [whole, part] = [`${who}-reserved`, `${who}-reserved-compressible`] as const;
    if (asked.includes(whole) && asked.includes(part))
      errors.push(`both "${part}" and "${whole}" cannot be specified together in ${field}`);
    const isAsked = asked.includes(whole) || asked.includes(part);
    if (isAsked && (cgroups[`${who}ReservedCgroup`] ?? "") === "") {
      const flag = `${who}ReservedCgroup (--${who}-reserved-cgroup)`;
      errors.push(`${flag} must be specified when "${whole}" or "${part}" included in ${field}`);
    }
  }
  for (const [index, name] of asked.entries()) {
    if (asked.indexOf(name) !== index) errors.push(`duplicated enforcements "${name}" in ${field}`);
    else if (!ENFORCEMENTS.includes(name)) {
      const valid = ENFORCEMENTS.map((one) => `"${one}"`).join(", ");
      errors.push(`option "${name}" specified for ${field}. Valid options are ${valid}`);
    }
  }
  if (asked.includes("none") && asked.length > 1)
    errors.push(`${field} may not contain additional enforcements when "none" is specified`);
  return errors;
}

function imageErrors({ imageGC }: FileOptions): readonly string[] {
  const { highThresholdPercent: high, lowThresholdPercent: low } = { ...DEFAULT_IMAGE_GC, ...imageGC };
  const highName = "imageGCHighThresholdPercent (--image-gc-high-threshold)";
  const lowName = "imageGCLowThresholdPercent (--image-gc-low-threshold)";
  const errors = [
    [highName, high],
    [lowName, low],
  ].flatMap(([name, value]) =>
    Number(value) < 0 || Number(value) > 100 ? [`${name} ${value} must be between 0 and 100, inclusive`] : [],
  );
  return low >= high ? [...errors, `${lowName} ${low} must be less than ${highName} ${high}`] : errors;
}

function logErrors(options: FileOptions): readonly string[] {
  const errors: string[] = [];
  if (options.enableSystemLogQuery === true && options.enableSystemLogHandler === false)
    errors.push("enableSystemLogHandler is required for enableSystemLogQuery");
  if ((options.containerLogMonitorMs ?? LOG_MONITOR_MIN_MS) < LOG_MONITOR_MIN_MS) {
    const least = "a positive time duration greater than or equal to 3s";
    errors.push(`containerLogMonitorInterval must be ${least}`);
  }
  if ((options.containerLogMaxFiles ?? 2) <= 1) errors.push("containerLogMaxFiles must be greater than 1");
  return errors;
}

function shutdownErrors(shutdown: ShutdownConfig): readonly string[] {
  const { gracePeriodSeconds: all = 0, gracePeriodCriticalPodsSeconds: critical = 0 } = shutdown;
  const errors: string[] = [];
  if (critical > all)
    errors.push(
      `shutdownGracePeriodCriticalPods ${shown(critical)} must be <= shutdownGracePeriod ${shown(all)}`,
    );
  for (const [name, seconds] of [
    ["shutdownGracePeriod", all],
    ["shutdownGracePeriodCriticalPods", critical],
  ] as const)
    if (seconds !== 0 && seconds < SECOND)
      errors.push(`${name} ${shown(seconds)} must be either zero or otherwise >= 1 sec`);
  if ((shutdown.byPodPriority ?? []).length > 0 && (all > 0 || critical > 0)) {
    const both = "shutdownGracePeriodByPodPriority and shutdownGracePeriod";
    errors.push(`Cannot specify both ${both} at the same time`);
  }
  return errors;
}

function shown(seconds: number): string {
  return formatDuration(seconds * 1000);
}

function userNamespaceErrors(ids = USERNS_UNIT): readonly string[] {
  const name = "userNamespaces.idsPerPod";
  if (ids < USERNS_UNIT) return [`${name} must not be less than ${USERNS_UNIT}`];
  if (ids % USERNS_UNIT !== 0) return [`${name} must be a multiple of ${USERNS_UNIT}`];
  return ids >= 2 ** 32 ? [`${name} must not be more than ${2 ** 32 - 1}`] : [];
}

function thresholdErrors({ eviction }: FileOptions): readonly string[] {
  try {
    parseThresholds(eviction ?? {});
    return [];
  } catch (err) {
    return [(err as Error).message];
  }
}
