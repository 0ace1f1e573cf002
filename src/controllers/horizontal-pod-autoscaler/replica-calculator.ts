/** How many replicas a metric asks for. Pure. @module */
import { parseQuantity, parseTime, quantityMilliValue } from "#apimachinery";
import { podRequests } from "#api/core/v1/pod-resources";
import type { Pod } from "#api/core/v1/types.gen";
import { podCondition } from "#api/core/v1/pod-state";
import type { PodUsage, Usages } from "./metrics.ts";

/** So long after its start a pod's use of CPU is not believed until it is ready (upstream's flag's default). */
export const CPU_INITIALIZATION_MS: number = 5 * 60_000;
/** A pod that became unready so soon after its start was never ready. */
export const INITIAL_READINESS_DELAY_MS = 30_000;

export interface Tolerances {
  readonly up: number;
  readonly down: number;
}

export interface Target {
  readonly resource: string;
  readonly container?: string;
  /** Percent of what pods request, or thousandths of a unit per pod. */
  readonly utilization?: number;
  readonly averageMilli?: number;
}

export interface Proposal {
  readonly replicas: number;
  /** Percent; undefined when the target is an amount. */
  readonly utilization: number | undefined;
  readonly averageMilli: number;
}

interface Groups {
  readonly ready: number;
  readonly unready: readonly string[];
  readonly missing: readonly string[];
  readonly ignored: readonly string[];
}

interface Ratio {
  readonly ratio: number;
  readonly utilization: number | undefined;
  readonly averageMilli: number;
}

/** Throws with upstream's words when there is nothing to reckon with. */
export function proposeReplicas(
  target: Target,
  current: number,
  pods: readonly Pod[],
  usages: Usages,
  tolerances: Tolerances,
  nowMs: number,
): Proposal {
  if (pods.length === 0) throw new Error("no pods returned by selector while calculating replica count");
  const groups = groupPods(pods, usages, target.resource, nowMs);
  const left = new Set([...groups.ignored, ...groups.unready]);
  const milli = new Map(
    [...usages].filter(([name]) => !left.has(name)).map(([name, usage]) => [name, usage.milli]),
  );
  if (milli.size === 0) throw new Error("did not receive metrics for targeted pods (pods might be unready)");
  const requests = target.utilization === undefined ? undefined : requestsOf(pods, target);
  const { ratio, ...usage } = ratioOf(target, milli, requests);
  const stay = { replicas: current, ...usage };
  const countsUnready = groups.unready.length > 0 && ratio > 1;
  if (!countsUnready && groups.missing.length === 0)
    return isWithin(tolerances, ratio) ? stay : { replicas: Math.ceil(ratio * groups.ready), ...usage };
  // What is not known is taken to be against the change, and pods that are not ready to use nothing yet.
  for (const name of ratio === 1 ? [] : groups.missing)
    milli.set(name, ratio < 1 ? full(target, requests, name) : 0);
  if (countsUnready) for (const name of groups.unready) milli.set(name, 0);
  const next = ratioOf(target, milli, requests).ratio;
  const turns = (ratio < 1 && next > 1) || (ratio > 1 && next < 1);
  if (isWithin(tolerances, next) || turns) return stay;
  const replicas = Math.ceil(next * milli.size);
  const contradicts = (next < 1 && replicas > current) || (next > 1 && replicas < current);
  return contradicts ? stay : { replicas, ...usage };
}

export function isWithin({ up, down }: Tolerances, ratio: number): boolean {
  return 1 - down <= ratio && ratio <= 1 + up;
}

function full(target: Target, requests: ReadonlyMap<string, number> | undefined, name: string): number {
  if (requests === undefined) return target.averageMilli ?? 0;
  return Math.trunc(((requests.get(name) ?? 0) * Math.max(100, target.utilization ?? 0)) / 100);
}

function ratioOf(
  { utilization, averageMilli = 0 }: Target,
  milli: ReadonlyMap<string, number>,
  requests: ReadonlyMap<string, number> | undefined,
): Ratio {
  const known = [...milli].filter(([name]) => requests === undefined || requests.has(name));
  const used = known.reduce((sum, [, amount]) => sum + amount, 0);
  const average = Math.trunc(used / Math.max(known.length, 1));
  if (requests === undefined)
    return { ratio: average / averageMilli, utilization: undefined, averageMilli: average };
  const requested = known.reduce((sum, [name]) => sum + requests.get(name)!, 0);
  if (requested === 0) throw new Error("no metrics returned matched known pods");
  const percent = Math.trunc((used * 100) / requested);
  return { ratio: percent / (utilization ?? 100), utilization: percent, averageMilli: average };
}

function groupPods(pods: readonly Pod[], usages: Usages, resource: string, nowMs: number): Groups {
  const groups = { ready: 0, unready: [] as string[], missing: [] as string[], ignored: [] as string[] };
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata;
    const usage = usages.get(name);
    if (deletionTimestamp !== undefined || pod.status?.phase === "Failed") groups.ignored.push(name);
    else if (pod.status?.phase === "Pending") groups.unready.push(name);
    else if (usage === undefined) groups.missing.push(name);
    else if (resource === "cpu" && isStarting(pod, usage, nowMs)) groups.unready.push(name);
    else groups.ready++;
  }
  return groups;
}

/** What a pod uses while it starts says nothing about its load. */
function isStarting(pod: Pod, usage: PodUsage, nowMs: number): boolean {
  const ready = podCondition(pod, "Ready");
  const startTime = pod.status?.startTime;
  if (ready === undefined || startTime === undefined) return true;
  const startMs = parseTime(startTime);
  const changedMs = ready.lastTransitionTime === undefined ? 0 : parseTime(ready.lastTransitionTime);
  if (startMs + CPU_INITIALIZATION_MS > nowMs)
    return ready.status === "False" || usage.atMs < changedMs + usage.windowMs;
  return ready.status === "False" && startMs + INITIAL_READINESS_DELAY_MS > changedMs;
}

function requestsOf(pods: readonly Pod[], target: Target): ReadonlyMap<string, number> {
  return new Map(pods.map((pod) => [pod.metadata.name, requestOf(pod, target)]));
}

/** Requests of the pod as a whole count instead of its containers', where there are any. */
function requestOf(pod: Pod, { resource, container }: Target): number {
  const { name } = pod.metadata;
  const spec = pod.spec!;
  if (container === undefined && Object.keys(spec.resources?.requests ?? {}).length > 0) {
    const amount = podRequests(spec)[resource];
    if (amount === undefined) throw new Error(`missing pod-level request for ${resource} in Pod ${name}`);
    return quantityMilliValue(parseQuantity(amount));
  }
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const asked = [...spec.containers, ...sidecars].filter(
    (c) => container === undefined || c.name === container,
  );
  if (asked.length === 0 && container !== undefined)
    throw new Error(`container ${container} not found in Pod ${name}`);
  return asked.reduce((sum, { name: own, resources }) => {
    const amount = resources?.requests?.[resource];
    if (amount === undefined)
      throw new Error(`missing request for ${resource} in container ${own} of Pod ${name}`);
    return sum + quantityMilliValue(parseQuantity(amount));
  }, 0);
}
