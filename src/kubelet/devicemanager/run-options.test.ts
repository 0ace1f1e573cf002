import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerAllocateResponse } from "./device-plugin-tables.ts";
import { deviceRunOptions } from "./run-options.ts";

function allocation(response: Partial<ContainerAllocateResponse>) {
  const none = { envs: {}, mounts: [], devices: [], annotations: {}, cdiDevices: [] };
  return { devices: new Map(), response: { ...none, ...response } };
}

test("deviceRunOptions() puts the answers of all plugins together, and keeps the first where they disagree", () => {
  const conflicts: string[] = [];
  const dice = allocation({
    envs: { SAME: "1", OTHER: "1" },
    mounts: [{ containerPath: "/m", hostPath: "/a", readOnly: true }],
    devices: [{ containerPath: "/dev/d", hostPath: "/dev/a", permissions: "rw" }],
    cdiDevices: [{ name: "v/c=1" }],
  });
  const cards = allocation({
    envs: { SAME: "1", OTHER: "2" },
    mounts: [{ containerPath: "/m", hostPath: "/b", readOnly: true }],
    devices: [{ containerPath: "/dev/d", hostPath: "/dev/b", permissions: "r" }],
    annotations: { a: "1" },
    cdiDevices: [{ name: "v/c=1" }, { name: "v/c=2" }],
  });
  const held = new Map([
    ["x/dice", dice],
    ["x/cards", cards],
  ]);
  assert.deepEqual(
    deviceRunOptions(held, (what, name) => void conflicts.push(`${what} ${name}`)),
    {
      envs: new Map([
        ["SAME", "1"],
        ["OTHER", "1"],
      ]),
      mounts: [{ containerPath: "/m", hostPath: "/a", readonly: true, propagation: "PROPAGATION_PRIVATE" }],
      devices: [{ containerPath: "/dev/d", hostPath: "/dev/a", permissions: "rw" }],
      annotations: { a: "1" },
      cdiDevices: [{ name: "v/c=1" }, { name: "v/c=2" }],
    },
  );
  assert.deepEqual(conflicts.toSorted(), ["device /dev/d", "environment variable OTHER", "mount /m"]);
});

test("deviceRunOptions() says nothing of a container without devices", () =>
  assert.equal(
    deviceRunOptions(new Map(), () => {}),
    undefined,
  ));
