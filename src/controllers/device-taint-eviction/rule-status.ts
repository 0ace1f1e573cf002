/** What a DeviceTaintRule says of the pods that it drives away, or would. Pure. @module */
import { formatTime, parseTime } from "#apimachinery";
import type { Condition } from "#api/meta/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { taintsOfRules } from "#api/resource/v1/taint-rules";
import type { DeviceTaintRule, ResourceClaim, ResourceSlice } from "#api/resource/v1/types.gen";
import type { DeviceWorld } from "./plan.ts";
import { evictionMs } from "./plan.ts";

export const EVICTION_IN_PROGRESS = "EvictionInProgress";
/** The condition is renewed at most so often. */
export const RULE_STATUS_PERIOD_MS = 10_000;

export interface RuleFacts {
  /** Pods with devices, and what is known of these. */
  readonly pods: readonly Pod[];
  readonly world: DeviceWorld;
  readonly slices: readonly ResourceSlice[];
  readonly claims: readonly ResourceClaim[];
  /** Since the controller started. */
  readonly evicted: number;
}

/** How long to wait until the condition may be renewed; 0: now. */
export function renewalInMs({ metadata, status }: DeviceTaintRule, nowMs: number): number {
  const condition = status?.conditions?.find(({ type }) => type === EVICTION_IN_PROGRESS);
  if (condition === undefined || condition.observedGeneration !== metadata.generation) return 0;
  return Math.max(parseTime(condition.lastTransitionTime) + RULE_STATUS_PERIOD_MS - nowMs, 0);
}

/** Undefined: the one that stands is right. Every change counts as a transition, by which the next is timed. */
export function planCondition(rule: DeviceTaintRule, facts: RuleFacts, nowMs: number): Condition | undefined {
  const old = rule.status?.conditions?.find(({ type }) => type === EVICTION_IN_PROGRESS);
  const { status, reason, message } = describe(rule, facts);
  const evicted =
    facts.evicted > 0 ? `${plural(facts.evicted, "pod")} evicted since starting the controller.` : "";
  const text = [message, evicted].filter((part) => part !== "").join(" ");
  const { generation } = rule.metadata;
  const isSame =
    old?.status === status &&
    old.reason === reason &&
    old.message === text &&
    old.observedGeneration === generation;
  if (isSame) return undefined;
  return {
    type: EVICTION_IN_PROGRESS,
    status,
    reason,
    message: text,
    ...(generation !== undefined && { observedGeneration: generation }),
    lastTransitionTime: formatTime(nowMs),
  };
}

/** The pods that this rule alone would drive away, if its taint had the effect NoExecute. */
function podsDrivenBy(rule: DeviceTaintRule, pods: readonly Pod[], world: DeviceWorld): readonly Pod[] {
  const executing = { ...rule, spec: { ...rule.spec, taint: { ...rule.spec.taint, effect: "NoExecute" } } };
  const alone: DeviceWorld = {
    ...world,
    rules: () => [executing],
    slices: (driver, pool) => world.slices(driver, pool).map(withoutTaints),
  };
  return pods.filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && evictionMs(pod, alone) !== undefined,
  );
}

/** Its taint is one of those for which the pod has to go. */
export function isDrivenBy(rule: DeviceTaintRule, pod: Pod, world: DeviceWorld): boolean {
  return rule.spec.taint.effect === "NoExecute" && podsDrivenBy(rule, [pod], world).length > 0;
}

function describe(
  rule: DeviceTaintRule,
  facts: RuleFacts,
): { readonly status: "True" | "False"; readonly reason: string; readonly message: string } {
  const { effect } = rule.spec.taint;
  if (effect !== "NoExecute" && effect !== "None")
    return {
      status: "False",
      reason: "OtherEffect",
      message: "Eviction only happens for the NoExecute effect.",
    };
  const driven = podsDrivenBy(rule, facts.pods, facts.world);
  const spaces = new Set(driven.map(({ metadata }) => metadata.namespace)).size;
  const where = spaces === 1 ? "1 namespace" : `${spaces} different namespaces`;
  if (effect === "None") {
    const message = [
      `${plural(publishedDevices(rule, facts.slices), "published device")} selected.`,
      `${plural(allocatedDevices(rule, facts.claims), "allocated device")} selected.`,
      `${plural(driven.length, "pod")} would be evicted in ${where} if the effect was NoExecute.`,
      "This information will not be updated again. Recreate the DeviceTaintRule to trigger an update.",
    ].join(" ");
    return { status: "False", reason: "NoEffect", message };
  }
  if (driven.length === 0)
    return { status: "False", reason: facts.evicted > 0 ? "Completed" : "NotStarted", message: "" };
  const need = driven.length === 1 ? "1 pod needs" : `${driven.length} pods need`;
  return { status: "True", reason: "PodsPendingEviction", message: `${need} to be evicted in ${where}.` };
}

function publishedDevices(rule: DeviceTaintRule, slices: readonly ResourceSlice[]): number {
  const newest = new Map<string, number>();
  for (const slice of slices)
    newest.set(poolOf(slice), Math.max(newest.get(poolOf(slice)) ?? 0, slice.spec.pool.generation));
  return slices
    .filter((slice) => slice.spec.pool.generation === newest.get(poolOf(slice)))
    .flatMap(({ spec }) =>
      (spec.devices ?? []).filter(({ name }) => selects(rule, spec.driver, spec.pool.name, name)),
    ).length;
}

/** By name alone pools of two drivers could be the same. */
export function poolOf({ spec }: ResourceSlice): string {
  return `${spec.driver}/${spec.pool.name}`;
}

function allocatedDevices(rule: DeviceTaintRule, claims: readonly ResourceClaim[]): number {
  return claims
    .flatMap(({ status }) => status?.allocation?.devices?.results ?? [])
    .filter(({ driver, pool, device }) => selects(rule, driver, pool, device)).length;
}

function selects(rule: DeviceTaintRule, driver: string, pool: string, device: string): boolean {
  return taintsOfRules([rule], driver, pool, device).length > 0;
}

function withoutTaints(slice: ResourceSlice): ResourceSlice {
  const devices = (slice.spec.devices ?? []).map(({ taints: _taints, ...device }) => device);
  return { ...slice, spec: { ...slice.spec, devices } };
}

function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
