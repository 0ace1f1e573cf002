import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import { noCgroups } from "../cgroups/no-cgroups.ts";
import { NODE_START_MS, testContainer, testPod } from "../container/testing.ts";
import { simulatedPlatform } from "../platform/simulated.ts";
import type { PodSummary } from "../server/stats-summary.ts";
import { EvictionManager } from "./eviction-manager.ts";
import type { EvictionConfig } from "./thresholds.ts";

const MIB = 2 ** 20;
const signal = new AbortController().signal;

interface Given {
  readonly config?: EvictionConfig;
  readonly pods: readonly Pod[];
  /** Memory of each pod, MiB. */
  readonly used: Readonly<Record<string, number>>;
  /** What images take of the disk, and what is logged by each pod. */
  readonly imageBytes?: number;
  readonly logs?: Readonly<Record<string, number>>;
}

async function node({ config = {}, pods, used, imageBytes = 0, logs = {} }: Given) {
  const clock = new FakeClock(NODE_START_MS);
  const happened: string[] = [];
  const ages: string[] = [];
  const usage = await simulatedPlatform().usage();
  const machine = { memory: 1000 * MIB, disk: 500 };
  const manager = new EvictionManager({
    clock,
    logger: silentLogger,
    recorder: { event: (about, _type, reason) => void happened.push(`${about.metadata.name} ${reason}`) },
    platform: {
      usage: async () => ({
        ...usage,
        memoryAvailableBytes: machine.memory,
        fsAvailableBytes: machine.disk,
        fsCapacityBytes: 1000,
      }),
      cgroups: noCgroups,
    },
    config,
    onRanking: (met, age) => void ages.push(`${met} ${age}`),
    fs: { ofRuntime: async () => undefined },
    summary: async () => ({
      node: {},
      pods: pods.map(({ metadata: { name } }): PodSummary => {
        const containers = [{ name: "c", logs: { usedBytes: logs[name] ?? 0 }, rootfs: { usedBytes: 0 } }];
        const memory = { time: "", workingSetBytes: (used[name] ?? 0) * MIB };
        return { podRef: { name, namespace: "default", uid: name }, containers, memory };
      }),
    }),
    node: () => ({ apiVersion: "v1", kind: "Node", metadata: { name: "n1" } }),
    activePods: () => pods,
    terminate: (uid, { gracePeriodSeconds, failure }) =>
      void happened.push(
        `${uid} ends in ${gracePeriodSeconds} s${failure?.condition === undefined ? "" : ", disrupted"}`,
      ),
    isGone: () => true,
    deleteUnusedContainers: async () => void happened.push("containers removed"),
    deleteUnusedImages: async () => {
      happened.push("images removed");
      machine.disk += imageBytes;
    },
    onConditions: () => void happened.push(`now ${manager.conditions.join("+")}`),
    onEviction: (by) => void happened.push(by),
  });
  const look = async (): Promise<string> => {
    clock.advance(10_000);
    await manager.synchronize(signal);
    return happened.splice(0).join(", ");
  };
  return { manager, machine, look, ages };
}

const named = (name: string, spec: Partial<Pod["spec"]> = {}): Pod => testPod(spec, { name, uid: name });

test("EvictionManager ends one pod at a time, and spares critical ones", async () => {
  const pods = [named("a"), named("b"), named("vital", { priority: 2_000_000_000 })];
  const n = await node({ pods, used: { a: 10, b: 20, vital: 900 } });
  assert.equal(await n.look(), "");
  n.machine.memory = 50 * MIB;
  assert.equal(
    await n.look(),
    "now MemoryPressure, n1 EvictionThresholdMet, b Evicted, b ends in 1 s, disrupted, memory.available",
  );
  assert.deepEqual(n.ages, ["memory.available 0"]);
});

test("EvictionManager removes what nobody uses before it ends a pod", async () => {
  const n = await node({ pods: [named("a")], used: {}, imageBytes: 100 });
  n.machine.disk = 50;
  assert.equal(
    await n.look(),
    "now DiskPressure, n1 EvictionThresholdMet, containers removed, images removed",
  );
  n.machine.disk = -60;
  assert.match(await n.look(), /images removed, a Evicted, a ends in 1 s, disrupted, nodefs.available$/);
});

test("EvictionManager gives a pod its time for a soft threshold", async () => {
  const config = {
    hard: {},
    soft: { "memory.available": "100Mi" },
    softGracePeriodMs: { "memory.available": 10_000 },
    maxPodGracePeriodSeconds: 20,
  };
  const n = await node({ config, pods: [named("a", { terminationGracePeriodSeconds: 60 })], used: { a: 9 } });
  n.machine.memory = 50 * MIB;
  assert.equal(await n.look(), "now MemoryPressure");
  assert.match(await n.look(), /a ends in 20 s/);
});

test("EvictionManager ends pods that store more than they may, without a disruption", async () => {
  const limits = { "ephemeral-storage": "100" };
  const limited = named("a", { containers: [testContainer("c", { resources: { limits } })] });
  const n = await node({ pods: [limited, named("b")], used: {}, logs: { a: 101, b: 999 } });
  assert.equal(await n.look(), "a Evicted, a ends in 1 s, ephemeralcontainerfs.limit");
});

const requests = { memory: "1Mi" };
const ADMISSIONS: readonly (readonly [string, Pod, boolean, boolean])[] = [
  ["a best-effort pod", named("p"), false, false],
  [
    "a pod that asks for memory",
    named("p", { containers: [testContainer("c", { resources: { requests } })] }),
    true,
    false,
  ],
  [
    "a pod that tolerates it",
    named("p", { tolerations: [{ key: "node.kubernetes.io/memory-pressure", operator: "Exists" }] }),
    true,
    false,
  ],
  ["a critical pod", named("p", { priority: 2_000_000_000 }), true, true],
];

for (const [what, pod, inMemoryPressure, inDiskPressure] of ADMISSIONS) {
  test(`EvictionManager judges ${what} under pressure`, async () => {
    const n = await node({ pods: [], used: {} });
    assert.equal(n.manager.admit(pod), undefined);
    n.machine.memory = 50 * MIB;
    await n.look();
    assert.equal(n.manager.admit(pod) === undefined, inMemoryPressure);
    n.machine.disk = 1;
    await n.look();
    assert.equal(n.manager.admit(pod) === undefined, inDiskPressure);
  });
}
