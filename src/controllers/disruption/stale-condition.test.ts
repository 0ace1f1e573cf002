import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/core/v1/types.gen";
import { newPod, START, START_MS } from "../testing/objects.ts";
import { staleInMs } from "./stale-condition.ts";

const disrupted = (reason: string, metadata: Partial<Pod["metadata"]> = {}, phase = "Running"): Pod => {
  const pod = newPod("web");
  const conditions = [{ type: "DisruptionTarget", status: "True", reason, lastTransitionTime: START }];
  return { ...pod, metadata: { ...pod.metadata, ...metadata }, status: { phase, conditions } };
};

const cases = [
  { name: "a pod that was evicted just now", pod: disrupted("EvictionByEvictionAPI"), want: 120_000 },
  { name: "one that is being deleted", pod: disrupted("x", { deletionTimestamp: START }), want: undefined },
  { name: "one of which the kubelet said so", pod: disrupted("TerminationByKubelet"), want: undefined },
  { name: "one that has ended", pod: disrupted("x", {}, "Failed"), want: undefined },
  { name: "one without the condition", pod: newPod("web"), want: undefined },
];

for (const { name, pod, want } of cases)
  test(`staleInMs() of ${name} is ${want}`, () => assert.equal(staleInMs(pod, START_MS), want));
