import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import { podInfo } from "../cache/pod-info.ts";
import { testPod } from "../fixture.ts";
import type { ClusterEvent } from "../framework/cluster-event.ts";
import { unresolvable } from "../framework/status.ts";
import { prioritySort } from "../plugins/priority-sort.ts";
import { SchedulingQueue } from "./scheduling-queue.ts";

const nodeAdded: ClusterEvent = { resource: "Node", action: "add" };

test("pop() gives the highest priority first, and equals in order of arrival", () => {
  const { queue, clock } = newQueue();
  for (const [name, priority] of [
    ["a", 0],
    ["b", 10],
    ["c", 10],
  ] as const) {
    queue.add(podInfo(testPod(name, { spec: { priority } })));
    clock.advance(1);
  }
  assert.deepEqual(
    [popName(queue), popName(queue), popName(queue), popName(queue)],
    ["b", "c", "a", undefined],
  );
});

test("move() brings a refused pod back only for an event that may help, after its back-off", () => {
  const { queue, clock } = newQueue();
  queue.add(podInfo(testPod("a")));
  queue.addUnschedulable(queue.pop()!, new Set(["NodeResourcesFit"]));
  queue.move({ resource: "CSINode", action: "add" });
  assert.deepEqual(queue.lengths, { active: 0, backoff: 0, unschedulable: 1, gated: 0 });
  queue.move(nodeAdded);
  assert.deepEqual(queue.lengths, { active: 0, backoff: 1, unschedulable: 0, gated: 0 });
  queue.add(podInfo(testPod("urgent")));
  clock.advance(999);
  assert.deepEqual(queue.lengths, { active: 1, backoff: 1, unschedulable: 0, gated: 0 });
  clock.advance(1);
  assert.deepEqual(queue.lengths, { active: 2, backoff: 0, unschedulable: 0, gated: 0 });
});

test("pop() takes a pod before its back-off is over when nothing else is to do", () => {
  const { queue } = newQueue();
  queue.add(podInfo(testPod("a")));
  queue.addUnschedulable(queue.pop()!, new Set(["NodeResourcesFit"]));
  queue.move(nodeAdded);
  assert.equal(popName(queue), "a");
});

test("move() brings back for any event a pod that nobody refused", () => {
  const { queue } = newQueue();
  queue.add(podInfo(testPod("a")));
  queue.addUnschedulable(queue.pop()!, new Set());
  queue.move({ resource: "CSINode", action: "add" });
  assert.equal(queue.lengths.unschedulable, 0);
});

test("addBackoff() doubles from 1 s up to 10 s", () => {
  const { queue, clock } = newQueue();
  queue.add(podInfo(testPod("a")));
  const delays: number[] = [];
  for (let i = 0; i < 6; i++) {
    queue.addBackoff(queue.pop()!);
    let waited = 0;
    while (queue.lengths.active === 0) {
      clock.advance(500);
      waited += 500;
    }
    delays.push(waited);
  }
  assert.deepEqual(delays, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

test("a pod that no event helps is tried again after five minutes", () => {
  const { queue, clock } = newQueue();
  queue.add(podInfo(testPod("a")));
  queue.addUnschedulable(queue.pop()!, new Set(["NodeResourcesFit"]));
  clock.advance(5 * 60_000);
  assert.equal(popName(queue), "a");
});

test("delete() takes a pod out wherever it waits, and a cycle of it cannot bring it back", () => {
  const { queue } = newQueue();
  queue.add(podInfo(testPod("a")));
  const queued = queue.pop()!;
  queue.delete("uid-a");
  queue.addUnschedulable(queued, new Set());
  assert.deepEqual(queue.lengths, { active: 0, backoff: 0, unschedulable: 0, gated: 0 });
});

test("add() holds a gated pod back until its gates are gone", () => {
  const { queue } = newQueue();
  queue.add(podInfo(testPod("a", { spec: { schedulingGates: [{ name: "g" }] } })));
  assert.equal(queue.lengths.gated, 1);
  queue.add(podInfo(testPod("a")));
  assert.equal(popName(queue), "a");
});

test("addUnschedulable() knows of what happened while the pod was tried", () => {
  const { queue } = newQueue();
  queue.add(podInfo(testPod("a")));
  const queued = queue.pop()!;
  queue.move({ resource: "CSINode", action: "add" });
  queue.move(nodeAdded);
  assert.deepEqual(Object.fromEntries(queue.eventsKept), { PodPopped: 1, CSINodeAdd: 1, NodeAdd: 1 });
  queue.addUnschedulable(queued, new Set(["NodeResourcesFit"]));
  assert.deepEqual(queue.lengths, { active: 0, backoff: 1, unschedulable: 0, gated: 0 });
  assert.deepEqual(Object.fromEntries(queue.eventsKept), { PodPopped: 0, CSINodeAdd: 0, NodeAdd: 0 });
});

test("move() asks the gate again when an event may have opened it", () => {
  const { queue } = newQueue();
  const pod = { ...podInfo(testPod("a", { spec: { schedulingGates: [{ name: "g" }] } })) };
  queue.add(pod);
  queue.move(nodeAdded);
  assert.equal(queue.lengths.gated, 1);
  queue.move({ resource: "ResourceClaim", action: "add" });
  assert.equal(queue.lengths.gated, 1);
  queue.update(podInfo(testPod("a")));
  queue.move({ resource: "ResourceClaim", action: "add" });
  assert.equal(popName(queue), "a");
});

function newQueue(): { readonly queue: SchedulingQueue; readonly clock: FakeClock } {
  const clock = new FakeClock();
  const queue = new SchedulingQueue(clock, {
    less: (a, b) => prioritySort.less!(a, b),
    preEnqueue: ({ pod }) =>
      (pod.spec?.schedulingGates ?? []).length > 0 ? unresolvable("SchedulingGates") : undefined,
    concerned: ({ resource }) =>
      resource === "Node" ? ["NodeResourcesFit"] : resource === "ResourceClaim" ? ["SchedulingGates"] : [],
    mayHelp: () => true,
  });
  return { queue, clock };
}

function popName(queue: SchedulingQueue): string | undefined {
  return queue.pop()?.pod.pod.metadata.name;
}
