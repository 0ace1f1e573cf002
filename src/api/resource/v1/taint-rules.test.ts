import assert from "node:assert/strict";
import { test } from "node:test";
import { withRuleTaints } from "./taint-rules.ts";
import type { DeviceTaintRule, DeviceTaintSelector, ResourceSlice } from "./types.gen.ts";

const own = { key: "own", effect: "NoSchedule" };
const slice = {
  apiVersion: "resource.k8s.io/v1",
  kind: "ResourceSlice",
  metadata: { name: "s" },
  spec: {
    driver: "gpu.example.com",
    pool: { name: "node-1", generation: 1, resourceSliceCount: 1 },
    devices: [{ name: "a", taints: [own] }, { name: "b" }],
  },
} as ResourceSlice;

function rule(key: string, deviceSelector?: DeviceTaintSelector): DeviceTaintRule {
  const spec = {
    taint: { key, effect: "NoExecute" },
    ...(deviceSelector !== undefined && { deviceSelector }),
  };
  return { apiVersion: "resource.k8s.io/v1", kind: "DeviceTaintRule", metadata: { name: key }, spec };
}

function tainted(...rules: readonly DeviceTaintRule[]): readonly string[] {
  const { devices = [] } = withRuleTaints(slice, rules).spec;
  return devices.map(({ taints = [] }) => taints.map(({ key }) => key).join(" "));
}

test("withRuleTaints adds the taints of the rules that select a device to those of its driver", () => {
  assert.deepEqual(tainted(rule("all", {})), ["own all", "all"]);
  assert.deepEqual(tainted(rule("none")), ["own", ""]);
  assert.deepEqual(tainted(rule("b", { driver: "gpu.example.com", pool: "node-1", device: "b" })), [
    "own",
    "b",
  ]);
  assert.deepEqual(tainted(rule("x", { driver: "nic.example.com" }), rule("y", { pool: "node-2" })), [
    "own",
    "",
  ]);
  assert.equal(withRuleTaints(slice, [rule("none")]), slice);
});
