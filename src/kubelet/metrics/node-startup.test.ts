import assert from "node:assert/strict";
import { test } from "node:test";
import { KubeletMetrics } from "./kubelet-metrics.ts";
import { NodeStartup } from "./node-startup.ts";

async function phases(work: (startup: NodeStartup) => void, bootMs?: number): Promise<readonly string[]> {
  const metrics = new KubeletMetrics();
  work(new NodeStartup(metrics.nodeStartup, { bootMs, kubeletMs: 5_000 }));
  const text = await metrics.registry.metrics();
  return ["pre_kubelet_", "pre_registration_", "registration_", "post_registration_", ""].map(
    (phase) => new RegExp(`^kubelet_node_startup_${phase}duration_seconds (.*)$`, "mu").exec(text)![1]!,
  );
}

function newNode(startup: NodeStartup): void {
  startup.asksToRegister(7_000);
  startup.asksToRegister(9_000);
  startup.registeredNew(10_000);
  startup.ready(14_000);
  startup.ready(99_000);
}

function knownNode(startup: NodeStartup): void {
  startup.asksToRegister(7_000);
  startup.ready(14_000);
}

test("NodeStartup tells how long each phase of a new node took, and the first time only", async () => {
  assert.deepEqual(await phases(newNode, 1_000), ["4", "2", "3", "4", "13"]);
});

test("NodeStartup leaves out what begins with a start of the machine that nobody knows", async () => {
  assert.deepEqual(await phases(newNode), ["0", "2", "3", "4", "0"]);
});

test("NodeStartup measures no node that the API had before", async () => {
  assert.deepEqual(await phases(knownNode, 1_000), ["0", "0", "0", "0", "0"]);
});
