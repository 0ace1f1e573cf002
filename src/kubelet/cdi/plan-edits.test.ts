import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerEdits } from "./cdi-spec.ts";
import { filesOf, type NodeFile, planEdits } from "./plan-edits.ts";

const ZERO: NodeFile = { type: "c", major: 1, minor: 5, mode: 0o666, uid: 0, gid: 0 };
const FOLDER: NodeFile = { ...ZERO, type: "" };
const files = new Map([
  ["/dev/zero", ZERO],
  ["/lib/x", FOLDER],
]);

function plan(...edits: readonly ContainerEdits[]): ReturnType<typeof planEdits> {
  return planEdits(edits, (path) => files.get(path));
}

function node(asked: object): ContainerEdits {
  return { deviceNodes: [{ path: "/dev/zero", ...asked }] };
}

function mount(asked: object): ContainerEdits {
  return { mounts: [{ hostPath: "/lib/x", containerPath: "/x", ...asked }] };
}

test("planEdits puts everything in the words of the runtime, the last one first", () => {
  const made = plan(
    { env: ["A=1", "B=x=y"], additionalGids: [0, 7] },
    {
      env: ["A=2"],
      additionalGids: [7, 8],
      deviceNodes: [
        { path: "/dev/zero" },
        { path: "/dev/dice", hostPath: "/dev/zero", type: "c", major: 1, minor: 5, permissions: "r" },
      ],
      mounts: [
        { hostPath: "/lib/x", containerPath: "/x", options: ["ro", "nosuid", "nodev", "bind"] },
        { hostPath: "/lib/x", containerPath: "/y", options: ["rshared"] },
      ],
    },
  );
  assert.deepEqual(made, {
    env: new Map([
      ["A", "2"],
      ["B", "x=y"],
    ]),
    additionalGids: [7, 8],
    devices: [
      { containerPath: "/dev/zero", hostPath: "/dev/zero", permissions: "rwm" },
      { containerPath: "/dev/dice", hostPath: "/dev/zero", permissions: "r" },
    ],
    mounts: [
      { containerPath: "/x", hostPath: "/lib/x", readonly: true, propagation: "PROPAGATION_PRIVATE" },
      { containerPath: "/y", hostPath: "/lib/x", readonly: false, propagation: "PROPAGATION_BIDIRECTIONAL" },
    ],
  });
});

test("planEdits refuses what the runtime cannot be told, and what is not there", () => {
  const runtime = "needs a container runtime that applies CDI itself";
  const cases: readonly (readonly [edits: ContainerEdits, message: string])[] = [
    [{ hooks: [{ hookName: "createContainer" }] }, `the hook createContainer ${runtime}`],
    [{ intelRdt: {} }, `intelRdt ${runtime}`],
    [{ netDevices: [{}] }, `netDevices ${runtime}`],
    [node({ uid: 5 }), `/dev/zero with uid 5 (it has 0) ${runtime}`],
    [node({ type: "b" }), `/dev/zero with type b (it has c) ${runtime}`],
    [node({ major: 9, minor: 5 }), `/dev/zero with major 9 (it has 1) ${runtime}`],
    [node({ hostPath: "/lib/x" }), "/lib/x is no device of this node"],
    [node({ hostPath: "/dev/none" }), "/dev/none is no device of this node"],
    [mount({ hostPath: "/none" }), "there is no /none on this node"],
    [mount({ type: "tmpfs" }), `a mount of type tmpfs ${runtime}`],
    [mount({ options: ["noexec"] }), `a mount of option noexec ${runtime}`],
  ];
  for (const [edits, message] of cases)
    assert.throws(() => plan(edits), { message: `CDI device injection failed: ${message}` });
});

test("filesOf names what must be looked at, once", () => {
  const edits: ContainerEdits = {
    deviceNodes: [{ path: "/dev/a", hostPath: "/dev/zero" }, { path: "/dev/zero" }],
    mounts: [{ hostPath: "/lib/x", containerPath: "/x" }],
  };
  assert.deepEqual(filesOf([edits]), ["/dev/zero", "/lib/x"]);
});
