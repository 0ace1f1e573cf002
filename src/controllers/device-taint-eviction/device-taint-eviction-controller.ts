/** Deletes pods whose devices have NoExecute taints that their claims do not tolerate, or not any longer. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { DeviceTaintRules } from "#api/resource/v1/devicetaintrule";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { ResourceSlices } from "#api/resource/v1/resourceslice";
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { disruptAndDelete, disruptedStatus } from "../disrupt-pod.ts";
import { ensureIndex } from "../indexes.ts";
import { isPodReference } from "../resourceclaim/plan-claim.ts";
import { equalJSON } from "../template-hash.ts";
import type { DeviceWorld } from "./plan.ts";
import { evictionMs } from "./plan.ts";
import type { RuleEvictions } from "./rule-evictions.ts";
import { isDrivenBy, poolOf } from "./rule-status.ts";

const BY_POOL = "controllers/pool";
const METRICS = "device_taint_eviction_controller";

/** Safe on a stale cache: deletions name the uid, and what a claim is allocated never changes while it is reserved. */
export function deviceTaintEvictionController(
  context: ControllerContext,
  evictions: RuleEvictions,
): Controller {
  const { clock, informers, metrics, recorder } = context;
  const pods = informers.lister(Pods);
  const slices = informers.informer(ResourceSlices);
  ensureIndex(slices, BY_POOL, (slice) => [poolOf(slice)]);
  const claims = informers.informer(ResourceClaims);
  ensureIndex(claims, BY_POOL, poolsOf);
  const rules = informers.lister(DeviceTaintRules);
  const world: DeviceWorld = {
    rules: () => rules.list(),
    claim: (key) => claims.lister.get(key),
    slices: (driver, pool) => slices.lister.byIndex(BY_POOL, `${driver}/${pool}`),
  };
  /** Pods that are to go later, by uid. Bounded by the pods of tainted devices. */
  const pending = new Map<ObjectKey, string | undefined>();

  async function reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const pod = pods.get(key);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) {
      pending.delete(key);
      return {};
    }
    const atMs = evictionMs(pod, world);
    if (atMs === undefined) {
      const isSpared = pending.get(key) === pod.metadata.uid && pending.delete(key);
      if (isSpared) recorder.event(pod, "Normal", "DeviceTaintManagerEviction", "Cancelling deletion");
      return {};
    }
    const nowMs = clock.now();
    pending.set(key, pod.metadata.uid);
    if (atMs > nowMs) return { requeueAfterMs: atMs - nowMs };
    recorder.event(pod, "Normal", "DeviceTaintManagerEviction", "Marking for deletion");
    const message = "Device Taint manager: deleting due to NoExecute taint";
    const status = disruptedStatus(pod, "DeletionByDeviceTaintManager", message, nowMs);
    const drivers = rules.list().filter((rule) => isDrivenBy(rule, pod, world));
    await disruptAndDelete(context, pod, status, undefined, signal);
    for (const rule of drivers) evictions.note(rule.metadata.uid!);
    pending.delete(key);
    metrics?.inc(`${METRICS}_pod_deletions_total`, {});
    metrics?.observe(`${METRICS}_pod_deletion_duration_seconds`, {}, (clock.now() - atMs) / 1000);
    return {};
  }

  return {
    name: "device-taint-eviction-controller",
    eventSource: "device-taint-eviction-controller",
    reconciles: Pods as Kind,
    enqueues: (object) => ((object as unknown as Pod).spec?.resourceClaims ?? []).length > 0,
    watches: [
      source(ResourceClaims, (claim, old) => {
        if (old !== undefined && equalJSON(old.status, claim.status)) return [];
        return [...new Set([claim, ...(old === undefined ? [] : [old])].flatMap(podsOf))];
      }),
      // Rules are few and may be about any device: every pod with devices is looked at again.
      source(DeviceTaintRules, (rule, old) =>
        old !== undefined && equalJSON(old.spec, rule.spec) ? [] : claims.lister.list().flatMap(podsOf),
      ),
      source(ResourceSlices, (slice) => claims.lister.byIndex(BY_POOL, poolOf(slice)).flatMap(podsOf)),
    ],
    workers: 8,
    reconcile,
  };
}

function podsOf({ metadata, status }: ResourceClaim): readonly ObjectKey[] {
  return (status?.reservedFor ?? [])
    .filter(isPodReference)
    .map(({ name }) => `${metadata.namespace}/${name}`);
}

function poolsOf({ status }: ResourceClaim): readonly string[] {
  const results = status?.allocation?.devices?.results ?? [];
  return [...new Set(results.map(({ driver, pool }) => `${driver}/${pool}`))];
}
