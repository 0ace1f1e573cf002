/** When pods are to go because devices of theirs are tainted. Pure. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { parseTime } from "#apimachinery";
import type {
  DeviceRequestAllocationResult,
  DeviceTaint,
  DeviceTaintRule,
  DeviceToleration,
  ResourceClaim,
  ResourceSlice,
} from "#api/resource/v1/types.gen";
import { taintsOfRules } from "#api/resource/v1/taint-rules";
import { claimNameOf, isReservedForPod, strangerTo } from "../resourceclaim/pod-claims.ts";

export interface DeviceWorld {
  /** By namespace and name. */
  readonly claim: (key: string) => ResourceClaim | undefined;
  /** All slices of a pool, of any generation. */
  readonly slices: (driver: string, pool: string) => readonly ResourceSlice[];
  /** All that there are. */
  readonly rules: () => readonly DeviceTaintRule[];
}

/** The wall time from which on the pod may not run any more; undefined: it may stay. */
export function evictionMs(pod: Pod, world: DeviceWorld): number | undefined {
  if ((pod.spec?.nodeName ?? "") === "") return undefined;
  const times = (pod.spec?.resourceClaims ?? []).flatMap((podClaim) => {
    const named = claimNameOf(pod, podClaim);
    if (typeof named === "string") return [];
    const claim = world.claim(`${pod.metadata.namespace}/${named.name}`);
    if (claim === undefined || !isReservedForPod(claim, pod)) return [];
    if (named.isGenerated && strangerTo(pod, claim) !== undefined) return [];
    return claimEvictionsMs(claim, world);
  });
  return times.length === 0 ? undefined : Math.min(...times);
}

function claimEvictionsMs({ status }: ResourceClaim, world: DeviceWorld): readonly number[] {
  return (status?.allocation?.devices?.results ?? []).flatMap((device) =>
    taintsOf(device, world).flatMap((taint) => taintEvictionMs(taint, device.tolerations ?? []) ?? []),
  );
}

/** Only the newest generation of a pool counts. */
function taintsOf(
  { driver, pool, device }: DeviceRequestAllocationResult,
  world: DeviceWorld,
): readonly DeviceTaint[] {
  const slices = world.slices(driver, pool);
  const generation = Math.max(...slices.map(({ spec }) => spec.pool.generation));
  const published = slices
    .filter(({ spec }) => spec.pool.generation === generation)
    .flatMap(({ spec }) => spec.devices ?? [])
    .find(({ name }) => name === device);
  if (published === undefined) return [];
  const taints = [...(published.taints ?? []), ...taintsOfRules(world.rules(), driver, pool, device)];
  return taints.filter(({ effect }) => effect === "NoExecute");
}

/** The shortest of the tolerations counts, but one without a limit counts for ever. */
function taintEvictionMs(taint: DeviceTaint, tolerations: readonly DeviceToleration[]): number | undefined {
  if (taint.timeAdded === undefined) return undefined;
  const tolerating = tolerations.filter(
    (toleration) => toleration.effect === "NoExecute" && tolerates(toleration, taint),
  );
  const limits = tolerating.map(({ tolerationSeconds }) => tolerationSeconds);
  if (limits.includes(undefined)) return undefined;
  const seconds = limits.length === 0 ? 0 : Math.min(...limits.map((limit) => Math.max(limit!, 0)));
  return parseTime(taint.timeAdded) + seconds * 1000;
}

function tolerates(
  { key = "", operator = "Equal", value = "" }: DeviceToleration,
  taint: DeviceTaint,
): boolean {
  if (key !== "" && key !== taint.key) return false;
  return operator === "Exists" || (operator === "Equal" && value === (taint.value ?? ""));
}
