import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lease } from "#api/coordination/v1/types.gen";
import { newNode, START_MS } from "../testing/objects.ts";
import { Heartbeats } from "./heartbeats.ts";

function lease(renewTime: string): Lease {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "n", namespace: "kube-node-lease" },
    spec: { renewTime },
  };
}

test("Heartbeats counts silence since a node was first seen, its status or its lease was renewed", () => {
  const beats = new Heartbeats();
  assert.equal(beats.observeNode(newNode("n"), 1_000, START_MS), true);
  assert.equal(beats.observeNode(newNode("n"), 2_000, START_MS), false);
  assert.equal(beats.silentForMs("n", 5_000), 4_000);
  beats.observeLease(lease("2026-01-02T00:00:01.000000Z"), 6_000);
  assert.equal(beats.silentForMs("n", 7_000), 1_000);
  beats.observeLease(lease("2026-01-02T00:00:01.000000Z"), 8_000);
  beats.observeLease(lease("2026-01-02T00:00:00.000000Z"), 8_000);
  assert.equal(beats.silentForMs("n", 9_000), 3_000);
  const reported = newNode("n", "True", {
    status: { conditions: [{ type: "Ready", status: "True", lastHeartbeatTime: "2026-01-02T00:05:00Z" }] },
  });
  beats.observeNode(reported, 10_000, START_MS);
  assert.equal(beats.silentForMs("n", 10_500), 500);
});

test("Heartbeats counts from the creation of a node that never reported", () => {
  const beats = new Heartbeats();
  const node = { ...newNode("n"), status: {} };
  beats.observeNode(node, 100_000, START_MS + 30_000);
  assert.equal(beats.silentForMs("n", 100_000), 30_000);
});

test("Heartbeats knows a node anew when its uid changes, and forgets it", () => {
  const beats = new Heartbeats();
  beats.observeNode(newNode("n"), 0, START_MS);
  const other = newNode("n", "True", { metadata: { name: "n", uid: "other" } });
  assert.equal(beats.observeNode(other, 5_000, START_MS), true);
  assert.equal(beats.forget("n"), "other");
  assert.equal(beats.forget("n"), undefined);
});
