import assert from "node:assert/strict";
import { test } from "node:test";
import type { AllocationResult, ResourceClaim } from "#api/resource/v1/types.gen";
import { SchedulerCache } from "../../cache/scheduler-cache.ts";
import { testNode } from "../../fixture.ts";
import { AllocatedDevices } from "./allocated-devices.ts";
import { AllocationAnswers } from "./allocation-answers.ts";
import type { DeviceClassResolver } from "./device-class-resolver.ts";
import { gatherPools } from "./pools.ts";

function claim(name: string, deviceClassName: string): ResourceClaim {
  const requests = [{ name: "r", exactly: { deviceClassName } }];
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: { name, uid: name },
    spec: { devices: { requests } },
  };
}

const taken: AllocationResult = {
  devices: { results: [{ request: "r", driver: "d", pool: "p", device: "one" }] },
};

function newSetting() {
  const cache = new SchedulerCache();
  cache.setNode(testNode("n"));
  const node = cache.get("n")!;
  const allocated = new AllocatedDevices();
  const classes = { version: 0 };
  const answers = new AllocationAnswers(allocated, classes as unknown as DeviceClassResolver);
  const pools = () =>
    gatherPools(
      [
        {
          apiVersion: "resource.k8s.io/v1",
          kind: "ResourceSlice",
          metadata: { name: "s" },
          spec: {
            driver: "d",
            allNodes: true,
            pool: { name: "p", generation: 1, resourceSliceCount: 1 },
            devices: [{ name: "one" }],
          },
        },
      ],
      node,
    );
  return { node, allocated, classes, answers, pools };
}

test("AllocationAnswers.of() answers equal claims together until something they depend on changes", () => {
  const { node, allocated, classes, answers, pools } = newSetting();
  let reachable = pools();
  let asked = 0;
  const ask = (name: string, className = "gpu"): number => {
    answers.of([claim(name, className)]).get(node, reachable, () => {
      asked++;
      return undefined;
    });
    return asked;
  };
  assert.deepEqual([ask("a"), ask("b")], [1, 1]);
  assert.equal(ask("c", "nic"), 2, "another class");
  allocated.add(taken);
  assert.deepEqual([ask("a"), ask("b")], [3, 3], "a device was taken");
  reachable = pools();
  assert.deepEqual([ask("a"), ask("b")], [4, 4], "the pools were published anew");
  classes.version++;
  assert.deepEqual([ask("a"), ask("b")], [5, 5], "a class changed");
});

test("NodeAnswers.get() does not remember what is thrown", () => {
  const { node, answers, pools } = newSetting();
  const own = answers.of([claim("a", "gpu")]);
  const reachable = pools();
  for (let i = 0; i < 2; i++)
    assert.throws(() => own.get(node, reachable, () => assert.fail("it is late")), /late/);
  assert.deepEqual(
    own.get(node, reachable, () => []),
    [],
  );
});
