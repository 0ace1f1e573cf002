import assert from "node:assert/strict";
import { test } from "node:test";
import { testContainer, testPod } from "../container/testing.ts";
import type { PodSummary } from "../server/stats-summary.ts";
import { localStorageExcess } from "./local-storage.ts";
import { conditionMessage, evictionMessage } from "./messages.ts";
import { parseThresholds } from "./thresholds.ts";

const MIB = 2 ** 20;
const podRef = { name: "web", namespace: "default", uid: "u1" };

test("evictionMessage() tells what was short, and who took more than it asked for", () => {
  const pod = testPod({
    containers: [
      testContainer("c", { resources: { requests: { memory: "10Mi" } } }),
      testContainer("d", { resources: { requests: { memory: "90Mi" } } }),
    ],
  });
  const stats: PodSummary = {
    podRef,
    containers: [
      { name: "c", memory: { time: "", workingSetBytes: 20 * MIB } },
      { name: "d", memory: { time: "", workingSetBytes: 20 * MIB } },
    ],
  };
  const observations = { "memory.available": { available: 50 * MIB, capacity: 1024 * MIB, time: 1 } };
  const thresholds = parseThresholds({ hard: { "memory.available": "100Mi" } });
  assert.deepEqual(evictionMessage("memory", pod, stats, thresholds, observations), {
    message:
      "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. Container c was using 20Mi, request is 10Mi, has larger consumption of memory. ",
    annotations: {
      offending_containers: "c",
      offending_containers_usage: "20Mi",
      starved_resource: "memory",
    },
  });
  assert.equal(
    evictionMessage("memory", pod, undefined, [], {}).message,
    "The node was low on resource: memory. ",
  );
});

test("evictionMessage() tells of pod-level requests and of disks", () => {
  const pod = testPod({ resources: { requests: { memory: "10Mi" } } });
  const memory = { time: "", workingSetBytes: 20 * MIB };
  assert.match(
    evictionMessage("memory", pod, { podRef, containers: [], memory }, [], {}).message,
    /Pod web was using 20Mi, request is 10Mi, has larger consumption of memory\. $/,
  );
  const containers = [{ name: "c", rootfs: { usedBytes: MIB }, logs: { usedBytes: MIB } }];
  assert.match(
    evictionMessage("ephemeral-storage", pod, { podRef, containers }, [], {}).message,
    /Container c was using 2Mi, request is 0, has larger consumption of ephemeral-storage\. $/,
  );
});

test("conditionMessage() is upstream's", () => {
  assert.equal(
    conditionMessage(["MemoryPressure", "DiskPressure"]),
    "The node had condition: [MemoryPressure DiskPressure]. ",
  );
});

const limited = testPod({
  volumes: [{ name: "cache", emptyDir: { sizeLimit: "1Mi" } }],
  containers: [testContainer("c", { resources: { limits: { "ephemeral-storage": "2Mi" } } })],
});

const EXCESSES: readonly (readonly [string, Partial<PodSummary>, string | undefined])[] = [
  ["nothing", {}, undefined],
  [
    "an emptyDir",
    { volume: [{ time: "", name: "cache", usedBytes: MIB + 1 }] },
    'Usage of EmptyDir volume "cache" exceeds the limit "1Mi". ',
  ],
  [
    "the pod",
    { "ephemeral-storage": { usedBytes: 2 * MIB + 1 } },
    "Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ",
  ],
  [
    "a container",
    { containers: [{ name: "c", logs: { usedBytes: MIB }, rootfs: { usedBytes: MIB + 1 } }] },
    'Container c exceeded its local ephemeral storage limit "2Mi". ',
  ],
];

for (const [what, stats, want] of EXCESSES) {
  test(`localStorageExcess() sees ${what}`, () => {
    assert.equal(localStorageExcess(limited, { podRef, containers: [], ...stats }, false)?.message, want);
  });
}

test("localStorageExcess() leaves writable layers on a file system of their own alone", () => {
  const containers = [{ name: "c", rootfs: { usedBytes: 9 * MIB } }];
  assert.equal(localStorageExcess(limited, { podRef, containers }, true), undefined);
});
