/** What `kubectl get pods` shows; STATUS and RESTARTS are worked out from the states of the containers. @module */
import type { Column } from "#apimachinery";
import { ageColumn, nameColumn, text, wide } from "../../printing/columns.ts";
import { since } from "../../printing/human-duration.ts";
import { isPodTerminal } from "./pod-state.ts";
import type { Container, ContainerStatus, Pod, PodStatus } from "./types.gen.ts";

export const podColumns: readonly Column<Pod>[] = [
  nameColumn,
  text("Ready", (pod) => {
    const { ready, total } = summarize(pod);
    return `${ready}/${total}`;
  }),
  text("Status", (pod) => summarize(pod).reason),
  text("Restarts", restarts),
  ageColumn,
  wide("IP", (pod) => pod.status?.podIPs?.[0]?.ip || "<none>"),
  wide("Node", (pod) => pod.spec?.nodeName || "<none>"),
  wide("Nominated Node", (pod) => pod.status?.nominatedNodeName || "<none>"),
  wide("Readiness Gates", readinessGates),
];

interface PodSummary {
  readonly ready: number;
  readonly total: number;
  /** The STATUS column. */
  readonly reason: string;
  readonly restarts: number;
  /** RFC 3339; undefined when nothing restarted. */
  readonly lastRestart: string | undefined;
}

const summaries = new WeakMap<Pod, PodSummary>();

/** Three columns of a row ask for the same summary. */
function summarize(pod: Pod): PodSummary {
  const known = summaries.get(pod);
  if (known !== undefined) return known;
  const summary = computeSummary(pod);
  summaries.set(pod, summary);
  return summary;
}

function restarts(pod: Pod, nowMs: number): string {
  const summary = summarize(pod);
  if (summary.restarts === 0 || summary.lastRestart === undefined) return String(summary.restarts);
  return `${summary.restarts} (${since(summary.lastRestart, nowMs)} ago)`;
}

function computeSummary(pod: Pod): PodSummary {
  const init = summarizeInit(pod);
  const total = (pod.spec?.containers.length ?? 0) + sidecarNames(pod).size;
  if (init.blocked && !isConditionTrue(pod.status, "Initialized")) {
    return {
      ready: init.ready,
      total,
      reason: terminationReason(pod) ?? init.reason,
      restarts: init.restarts,
      lastRestart: init.lastRestart,
    };
  }
  const main = summarizeMain(pod, init.reason);
  return {
    ready: init.ready + main.ready,
    total,
    reason: terminationReason(pod) ?? main.reason,
    restarts: init.sidecarRestarts + main.restarts,
    lastRestart: later(init.sidecarLastRestart, main.lastRestart),
  };
}

interface InitSummary {
  /** An init container is not done. */
  readonly blocked: boolean;
  readonly reason: string;
  readonly ready: number;
  readonly restarts: number;
  readonly lastRestart: string | undefined;
  readonly sidecarRestarts: number;
  readonly sidecarLastRestart: string | undefined;
}

function summarizeInit(pod: Pod): InitSummary {
  const sidecars = sidecarNames(pod);
  let [restartCount, sidecarRestarts, ready] = [0, 0, 0];
  let lastRestart: string | undefined;
  let sidecarLastRestart: string | undefined;
  let blockedReason: string | undefined;
  for (const [i, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const finishedAt = status.lastState?.terminated?.finishedAt;
    const isSidecar = sidecars.has(status.name);
    restartCount += status.restartCount;
    lastRestart = later(lastRestart, finishedAt);
    if (isSidecar) {
      sidecarRestarts += status.restartCount;
      sidecarLastRestart = later(sidecarLastRestart, finishedAt);
    }
    if (status.state?.terminated?.exitCode === 0) continue;
    if (isSidecar && status.started === true) {
      if (status.ready) ready++;
      continue;
    }
    blockedReason = initReason(status, i, pod.spec?.initContainers?.length ?? 0);
    break;
  }
  return {
    blocked: blockedReason !== undefined,
    reason: blockedReason ?? baseReason(pod),
    ready,
    restarts: restartCount,
    lastRestart,
    sidecarRestarts,
    sidecarLastRestart,
  };
}

function initReason(status: ContainerStatus, index: number, count: number): string {
  const { terminated, waiting } = status.state ?? {};
  if (terminated !== undefined) {
    if (terminated.reason) return `Init:${terminated.reason}`;
    return terminated.signal ? `Init:Signal:${terminated.signal}` : `Init:ExitCode:${terminated.exitCode}`;
  }
  const why = waiting?.reason ?? "";
  return why !== "" && why !== "PodInitializing" ? `Init:${why}` : `Init:${index}/${count}`;
}

interface MainSummary {
  readonly reason: string;
  readonly ready: number;
  readonly restarts: number;
  readonly lastRestart: string | undefined;
}

/** The first container that waits or has ended gives the reason, which is why the list is walked from its end. */
function summarizeMain(pod: Pod, initialReason: string): MainSummary {
  let reason = initialReason;
  let errorReason = "";
  let hasRunning = false;
  let [restartCount, ready] = [0, 0];
  let lastRestart: string | undefined;
  for (const status of (pod.status?.containerStatuses ?? []).toReversed()) {
    restartCount += status.restartCount;
    lastRestart = later(lastRestart, status.lastState?.terminated?.finishedAt);
    const { waiting, terminated, running } = status.state ?? {};
    if (waiting?.reason) {
      reason = waiting.reason;
    } else if (terminated !== undefined) {
      if (terminated.reason) reason = terminated.reason;
      else reason = terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
      if (terminated.exitCode !== 0) errorReason = reason;
    } else if (status.ready && running !== undefined) {
      hasRunning = true;
      ready++;
    }
  }
  if (reason === "Completed") {
    if (hasRunning && isConditionTrue(pod.status, "Ready")) reason = "Running";
    else if (errorReason !== "") reason = errorReason;
    else if (hasRunning) reason = "NotReady";
  }
  return { reason, ready, restarts: restartCount, lastRestart };
}

function baseReason(pod: Pod): string {
  const gated = pod.status?.conditions?.some(
    (c) => c.type === "PodScheduled" && c.reason === "SchedulingGated",
  );
  if (gated) return "SchedulingGated";
  return pod.status?.reason || (pod.status?.phase ?? "");
}

/** What a pod that is being deleted shows in any case. */
function terminationReason(pod: Pod): string | undefined {
  if (pod.metadata.deletionTimestamp === undefined) return undefined;
  if (pod.status?.reason === "NodeLost") return "Unknown";
  return isPodTerminal(pod) ? undefined : "Terminating";
}

function sidecarNames(pod: Pod): Set<string> {
  return new Set((pod.spec?.initContainers ?? []).filter(isSidecar).map((container) => container.name));
}

const isSidecar = (container: Container): boolean => container.restartPolicy === "Always";

function isConditionTrue(status: PodStatus | undefined, type: string): boolean {
  return status?.conditions?.find((condition) => condition.type === type)?.status === "True";
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  const passed = gates.filter((gate) => isConditionTrue(pod.status, gate.conditionType)).length;
  return `${passed}/${gates.length}`;
}

function later(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Date.parse(b) > Date.parse(a) ? b : a;
}
