import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/core/v1/types.gen";
import { testContainer, testPod } from "../container/testing.ts";
import type { PodSummary } from "../server/stats-summary.ts";
import { partsOf, rankPods } from "./rank.ts";
import { reclaimsOf } from "./reclaim.ts";
import type { FsLayout, Signal } from "./thresholds.ts";

interface Given {
  readonly name: string;
  readonly priority?: number;
  readonly request?: string;
  /** Memory, bytes on disk, inodes and processes alike; absent: not measured. */
  readonly used?: number;
}

const ONE_FS: FsLayout = { dedicatedImageFs: false, splitContainerFs: false };

function podOf({ name, priority, request }: Given): Pod {
  const requests = request === undefined ? {} : { memory: request, "ephemeral-storage": request };
  const containers = [testContainer("c", { resources: { requests } })];
  return testPod({ containers, ...(priority !== undefined && { priority }) }, { name, uid: name });
}

function statsOf({ name, used }: Given): PodSummary | undefined {
  if (used === undefined) return undefined;
  return {
    podRef: { name, namespace: "default", uid: name },
    containers: [{ name: "c", rootfs: { usedBytes: used, inodesUsed: used } }],
    memory: { time: "", workingSetBytes: used },
    process_stats: { process_count: used },
  };
}

const CASES: readonly (readonly [string, Signal, readonly Given[], string])[] = [
  [
    "above requests first",
    "memory.available",
    [
      { name: "within", request: "100", used: 100 },
      { name: "above", request: "10", used: 11, priority: 9 },
    ],
    "above within",
  ],
  [
    "then by priority",
    "memory.available",
    [
      { name: "high", used: 100, priority: 9 },
      { name: "low", used: 1, priority: 1 },
    ],
    "low high",
  ],
  [
    "then by use above the request",
    "allocatableMemory.available",
    [
      { name: "little", request: "90", used: 100 },
      { name: "much", used: 50 },
    ],
    "much little",
  ],
  [
    "unknown ones first",
    "memory.available",
    [{ name: "known", used: 9 }, { name: "unknown" }],
    "unknown known",
  ],
  [
    "processes by priority and number",
    "pid.available",
    [
      { name: "few", used: 2 },
      { name: "many", used: 20 },
      { name: "low", used: 1, priority: -1 },
    ],
    "low many few",
  ],
  [
    "inodes by number",
    "nodefs.inodesFree",
    [
      { name: "few", used: 1 },
      { name: "many", used: 2 },
      { name: "none", used: 0 },
    ],
    "many few none",
  ],
  [
    "disk above requests",
    "nodefs.available",
    [
      { name: "asked", request: "100", used: 100 },
      { name: "took", used: 10 },
    ],
    "took asked",
  ],
];

for (const [what, signal, given, want] of CASES) {
  test(`rankPods() puts ${what}`, () => {
    const stats = new Map(given.map((one) => [one.name, statsOf(one)]));
    const ranked = rankPods(signal, given.map(podOf), (pod) => stats.get(pod.metadata.name), ONE_FS);
    assert.equal(ranked.map(({ metadata }) => metadata.name).join(" "), want);
  });
}

function follow(signal: Signal, layout: FsLayout): string {
  return `${partsOf(signal, layout).join()} ${reclaimsOf(signal, layout).join()}`;
}

test("partsOf() and reclaimsOf() follow the file systems", () => {
  const imageFs = { dedicatedImageFs: true, splitContainerFs: false };
  const split = { dedicatedImageFs: true, splitContainerFs: true };
  assert.equal(follow("nodefs.available", ONE_FS), "rootfs,logs,localVolumes containers,images");
  assert.equal(follow("nodefs.available", imageFs), "logs,localVolumes ");
  assert.equal(follow("imagefs.available", imageFs), "rootfs containers,images");
  assert.equal(follow("containerfs.inodesFree", imageFs), "rootfs containers,images");
  assert.equal(follow("imagefs.available", split), " images");
  assert.equal(follow("nodefs.available", split), "logs,localVolumes,rootfs containers");
  assert.deepEqual(reclaimsOf("memory.available", ONE_FS), []);
});
