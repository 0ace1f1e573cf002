import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import { testContainer, testPod } from "../container/testing.ts";
import { insufficientResources } from "../lifecycle/admit.ts";
import { CriticalPodAdmission } from "./critical-pod-admission.ts";

const signal = new AbortController().signal;
const asking = (name: string, cpu: string, priority = 0): Pod =>
  testPod(
    { containers: [testContainer("c", { resources: { requests: { cpu } } })], priority },
    { name, uid: name },
  );
const critical = asking("critical", "2", 2_000_000_000);

function node(pods: readonly Pod[], whenGone: (uid: string) => Promise<void>) {
  const clock = new FakeClock();
  const told: string[] = [];
  const admission = new CriticalPodAdmission({
    clock,
    logger: silentLogger,
    recorder: { event: ({ metadata }, type, reason) => void told.push(`${type} ${reason} ${metadata.name}`) },
    heldPods: () => pods,
    terminate: (uid, { failure, gracePeriodSeconds }) =>
      void told.push(`${uid} ends: ${failure?.message}, ${failure?.condition?.type}, ${gracePeriodSeconds}`),
    whenGone,
    onPreemption: (resource) => void told.push(`for ${resource}`),
  });
  const shortages = insufficientResources(critical, pods, { cpu: "3", pods: "9" });
  return { clock, told, ask: () => admission.makeRoom(critical, shortages, signal) };
}

test("CriticalPodAdmission ends what is in the way, in its own grace period, and waits for it", async () => {
  const { told, ask } = node([asking("a", "1"), asking("b", "2")], async () => {});
  assert.equal(await ask(), undefined);
  assert.deepEqual(told, [
    "Warning Preempting b",
    "b ends: Preempted in order to admit critical pod, DisruptionTarget, undefined",
    "for cpu",
  ]);
});

test("CriticalPodAdmission waits for a pod no longer than half as much again as its grace period", async () => {
  const { told, ask, clock } = node([asking("b", "2")], () => new Promise(() => {}));
  const asked = ask();
  await clock.advanceAsync(44_999);
  assert.equal(told.length, 2);
  await clock.advanceAsync(1);
  assert.equal(await asked, undefined);
  assert.equal(told.at(-1), "Warning ExceededGracePeriod b");
});

test("CriticalPodAdmission says what cannot be had", async () => {
  const { ask } = node([asking("other", "2", 2_000_000_000)], async () => {});
  assert.deepEqual(await ask(), {
    reason: "UnexpectedAdmissionError",
    message:
      "Pod was rejected: Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [(res: cpu, q: 1000), ]",
  });
});
