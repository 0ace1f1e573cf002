import assert from "node:assert/strict";
import { test } from "node:test";
import type { PressureCondition } from "../eviction/thresholds.ts";
import { allocatableOf, capacityOf } from "./build-node.ts";
import { nodeConditions } from "./conditions.ts";

const ready = [
  { type: "RuntimeReady", status: true, reason: "", message: "" },
  { type: "NetworkReady", status: true, reason: "", message: "" },
];
const noNetwork = [ready[0]!, { type: "NetworkReady", status: false, reason: "NoPlugin", message: "none" }];

const cases: readonly (readonly [string, readonly PressureCondition[], typeof ready | undefined, string])[] =
  [
    ["a healthy node", [], ready, "Ready"],
    ["little memory", ["MemoryPressure"], ready, "MemoryPressure Ready"],
    ["a full disk", ["DiskPressure"], ready, "DiskPressure Ready"],
    ["few processes", ["PIDPressure"], ready, "PIDPressure Ready"],
    ["no network", [], noNetwork, ""],
    ["no runtime", [], undefined, ""],
  ];

for (const [name, pressure, runtimeConditions, want] of cases) {
  test(`nodeConditions() of ${name}`, () => {
    const facts = {
      pressure,
      runtimeConditions,
      runtimeError: "gone",
    };
    const conditions = nodeConditions(facts, [], "2026-01-01T00:00:00Z");
    assert.equal(
      conditions
        .filter((c) => c.status === "True")
        .map((c) => c.type)
        .join(" "),
      want,
    );
  });
}

test("nodeConditions() explains why a node is not ready, and keeps the time of what stays", () => {
  const facts = { pressure: [], runtimeConditions: noNetwork, runtimeError: "" };
  const before = nodeConditions(facts, [], "2026-01-01T00:00:00Z");
  assert.equal(
    before.at(-1)?.message,
    "container runtime network not ready: NetworkReady=false reason:NoPlugin message:none",
  );
  const after = nodeConditions({ ...facts, runtimeConditions: ready }, before, "2026-01-02T00:00:00Z");
  assert.deepEqual(
    after.map((c) => c.lastTransitionTime?.slice(0, 10)),
    ["2026-01-01", "2026-01-01", "2026-01-01", "2026-01-02"],
  );
});

test("allocatableOf() keeps what is reserved from the capacity", () => {
  const machine = {
    cpus: 2,
    memoryBytes: 4 * 2 ** 30,
    ephemeralStorageBytes: 2 ** 30,
    hugepages: { "2Mi": 0 },
  };
  const identity = {
    operatingSystem: "linux",
    architecture: "amd64",
    kernelVersion: "",
    osImage: "",
    machineID: "",
    systemUUID: "",
    bootID: "",
  };
  const capacity = capacityOf({ machine: { ...machine, ...identity }, maxPods: 10 });
  assert.deepEqual(capacity, {
    cpu: "2",
    "ephemeral-storage": "1048576Ki",
    "hugepages-2Mi": "0",
    memory: "4194304Ki",
    pods: "10",
  });
  assert.equal(allocatableOf(capacity, { cpu: "500m", memory: "1Gi" })["cpu"], "1500m");
  assert.equal(allocatableOf(capacity, { memory: "1Gi" })["memory"], "3Gi");
  assert.equal(allocatableOf(capacity, { memory: "8Gi" })["memory"], "0");
});
