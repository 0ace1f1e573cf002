import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import { memoryState } from "../checkpoint/state-file.ts";
import { NODE_START_MS, testContainer, testPod } from "../container/testing.ts";
import { AllocationManager } from "./allocation-manager.ts";
import { ResourceState } from "./resource-state.ts";

interface Named {
  readonly cpu: string;
  readonly generation?: number;
  readonly priority?: number;
}

function podOf(name: string, { cpu, generation = 1, priority = 0 }: Named): Pod {
  const containers = [testContainer("c", { resources: { requests: { cpu } } })];
  return testPod({ containers, priority }, { name, uid: name, generation });
}

function node(cpu: string, file = memoryState()) {
  const pods = new Map<string, Pod>();
  const events: string[] = [];
  const manager = new AllocationManager({
    clock: new FakeClock(NODE_START_MS),
    logger: silentLogger,
    recorder: { event: (about, _type, reason) => void events.push(`${about.metadata.name} ${reason}`) },
    allocated: new ResourceState(file, silentLogger),
    actuated: new ResourceState(memoryState(), silentLogger),
    allocatable: { cpu },
    onDeferredGranted: () => {},
    activePods: () => [...pods.values()],
    onChange: () => {},
  });
  return {
    manager,
    set(name: string, named: Named): void {
      const pod = podOf(name, named);
      pods.set(name, pod);
      manager.podSet(pod, false);
    },
    remove(name: string): void {
      pods.delete(name);
      manager.remove(name);
    },
    granted: (name: string) =>
      manager.allocatedPod(pods.get(name)!).spec?.containers[0]?.resources?.requests?.["cpu"],
    happened: () => events.splice(0).join(", "),
    condition: (name: string) => {
      const { reason, message, observedGeneration } = manager.conditions.pending(name) ?? {};
      return reason === undefined ? undefined : `${reason} ${observedGeneration}: ${message}`;
    },
  };
}

test("AllocationManager grants a resize that fits", () => {
  const n = node("4");
  n.set("a", { cpu: "1" });
  assert.equal(n.happened(), "");
  n.set("a", { cpu: "3", generation: 2 });
  assert.equal(n.granted("a"), "3");
  assert.equal(n.happened(), "a ResizeStarted");
  const [inProgress] = n.manager.conditions.list("a");
  assert.deepEqual([inProgress?.type, inProgress?.observedGeneration], ["PodResizeInProgress", 2]);
});

test("AllocationManager defers what does not fit now, and refuses what never will", () => {
  const n = node("4");
  n.set("a", { cpu: "2" });
  n.set("b", { cpu: "1" });
  n.set("b", { cpu: "3", generation: 2 });
  assert.equal(n.granted("b"), "1");
  assert.equal(n.happened(), "b ResizeDeferred");
  assert.equal(
    n.condition("b"),
    "Deferred 2: Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000",
  );
  n.set("b", { cpu: "5", generation: 3 });
  assert.equal(n.happened(), "b ResizeInfeasible");
  assert.equal(
    n.condition("b"),
    "Infeasible 3: Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000",
  );
  n.set("b", { cpu: "1", generation: 4 });
  assert.equal(n.condition("b"), undefined, "it asks for what it has");
  assert.equal(n.happened(), "");
});

test("AllocationManager gives what becomes free to the most important pod that waits", () => {
  const n = node("4");
  n.set("a", { cpu: "2" });
  n.set("low", { cpu: "1" });
  n.set("high", { cpu: "1", priority: 9 });
  n.set("low", { cpu: "3", generation: 2 });
  n.set("high", { cpu: "3", generation: 2, priority: 9 });
  assert.equal(n.happened(), "low ResizeDeferred, high ResizeDeferred");
  n.remove("a");
  assert.equal(n.happened(), "high ResizeStarted");
  assert.equal(n.granted("low"), "1");
});

test("AllocationManager reckons with what a pod still has until it is taken from it", () => {
  const n = node("4");
  n.set("a", { cpu: "3" });
  n.manager.actuated.setContainer("a", "c", { requests: { cpu: "3" } });
  n.set("b", { cpu: "1" });
  n.set("a", { cpu: "1", generation: 2 });
  n.set("b", { cpu: "2", generation: 2 });
  assert.equal(n.happened(), "a ResizeStarted, b ResizeDeferred");
  n.manager.actuated.setContainer("a", "c", { requests: { cpu: "1" } });
  n.manager.completed();
  assert.equal(n.happened(), "b ResizeStarted");
});

test("AllocationManager remembers over a restart what was granted", async () => {
  const file = memoryState();
  const before = node("2", file);
  before.set("a", { cpu: "1" });
  await before.manager.flush();
  const after = node("2", file);
  await after.manager.load();
  after.set("b", { cpu: "1" });
  after.set("a", { cpu: "2", generation: 2 });
  assert.equal(after.granted("a"), "1");
  assert.equal(after.happened(), "a ResizeDeferred");
  after.manager.retain(new Set(["b"]));
  assert.equal(after.granted("a"), "2", "nothing is known of a pod that is gone");
});
