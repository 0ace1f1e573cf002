/** Keeps the condition EvictionInProgress of DeviceTaintRules true to the pods that they drive away. @module */
import type { Kind } from "#apimachinery";
import { apiVersionOf } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { DeviceTaintRules } from "#api/resource/v1/devicetaintrule";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { ResourceSlices } from "#api/resource/v1/resourceslice";
import type { Controller, ControllerContext } from "#controller-runtime";
import { source } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import type { DeviceWorld } from "./plan.ts";
import type { RuleEvictions } from "./rule-evictions.ts";
import { planCondition, renewalInMs, RULE_STATUS_PERIOD_MS } from "./rule-status.ts";

const NAME = "device-taint-eviction-controller";

/** Safe on a stale cache: the condition is a function of what is seen, and is looked at again while pods are to go. */
export function deviceTaintRuleController(
  { client, clock, informers }: ControllerContext,
  evictions: RuleEvictions,
): Controller {
  const rules = informers.lister(DeviceTaintRules);
  const pods = informers.lister(Pods);
  const claims = informers.lister(ResourceClaims);
  const slices = informers.lister(ResourceSlices);
  const world: DeviceWorld = {
    rules: () => rules.list(),
    claim: (key) => claims.get(key),
    slices: (driver, pool) =>
      slices.list().filter(({ spec }) => spec.driver === driver && spec.pool.name === pool),
  };

  return {
    name: "device-taint-rule-controller",
    eventSource: NAME,
    reconciles: DeviceTaintRules as unknown as Kind,
    watches: [
      // Rules are few; a pod that comes to a tainted device, or goes from it, changes what they say.
      source(Pods, (pod, old) => {
        const isMoved = old === undefined || old.spec?.nodeName !== pod.spec?.nodeName;
        const isGoing = old?.metadata.deletionTimestamp !== pod.metadata.deletionTimestamp;
        if (!hasDevices(pod) || !(isMoved || isGoing)) return [];
        const executing = rules.list().filter(({ spec }) => spec.taint.effect === "NoExecute");
        return executing.map(({ metadata }) => metadata.name);
      }),
    ],
    workers: 1,
    async reconcile(name, signal) {
      const rule = rules.get(name);
      if (rule === undefined) {
        evictions.keepOnly(new Set(rules.list().map(({ metadata }) => metadata.uid!)));
        return {};
      }
      const nowMs = clock.now();
      const waitMs = renewalInMs(rule, nowMs);
      if (waitMs > 0) return { requeueAfterMs: waitMs };
      const facts = {
        pods: pods.list().filter(hasDevices),
        world,
        slices: slices.list(),
        claims: claims.list(),
        evicted: evictions.of(rule.metadata.uid!),
      };
      const condition = planCondition(rule, facts, nowMs);
      if (condition === undefined) return {};
      const body = {
        apiVersion: apiVersionOf(DeviceTaintRules),
        kind: "DeviceTaintRule",
        metadata: { name, uid: rule.metadata.uid },
        status: { conditions: [condition] },
      };
      const options = { subresource: "status", fieldManager: NAME };
      await unlessGone(
        client.patch(DeviceTaintRules, { name }, { type: "apply", body, force: true }, signal, options),
      );
      return condition.status === "True" ? { requeueAfterMs: RULE_STATUS_PERIOD_MS } : {};
    },
  };
}

function hasDevices({ spec }: Pod): boolean {
  return (spec?.resourceClaims ?? []).length > 0;
}
