import assert from "node:assert/strict";
import { test } from "node:test";
import type { CSIDriver, CSIDriverSpec } from "#api/storage/v1/types.gen";
import { testPod } from "../../container/testing.ts";
import type { NodeCapability } from "./csi-client.ts";
import {
  changesGroup,
  checkLifecycle,
  csiCapability,
  csiVolumeOf,
  type CsiVolume,
  podInfo,
} from "./csi-volume.ts";

const none: ReadonlySet<NodeCapability> = new Set();
const volume: CsiVolume = {
  specName: "pv",
  driver: "d",
  handle: "h",
  lifecycle: "Persistent",
  readOnly: false,
  isBlock: false,
  fsType: "ext4",
  attributes: {},
  mountOptions: ["noatime"],
  accessModes: ["ReadWriteOnce"],
  stageSecret: undefined,
  publishSecret: undefined,
  expandSecret: undefined,
};

function driver(spec: CSIDriverSpec): CSIDriver {
  return { apiVersion: "storage.k8s.io/v1", kind: "CSIDriver", metadata: { name: "d" }, spec };
}

const modes: readonly (readonly [mode: string, plain: string, precise: string])[] = [
  ["ReadWriteOnce", "SINGLE_NODE_WRITER", "SINGLE_NODE_MULTI_WRITER"],
  ["ReadWriteOncePod", "SINGLE_NODE_WRITER", "SINGLE_NODE_SINGLE_WRITER"],
  ["ReadOnlyMany", "MULTI_NODE_READER_ONLY", "MULTI_NODE_READER_ONLY"],
  ["ReadWriteMany", "MULTI_NODE_MULTI_WRITER", "MULTI_NODE_MULTI_WRITER"],
];

const modeOf = (mode: string, capabilities: ReadonlySet<NodeCapability>): string =>
  csiCapability({ ...volume, accessModes: [mode] }, capabilities, undefined).accessMode.mode;

for (const [mode, plain, precise] of modes) {
  test(`csiCapability() names ${mode} as the driver knows it`, () => {
    assert.deepEqual(
      [modeOf(mode, none), modeOf(mode, new Set(["SINGLE_NODE_MULTI_WRITER"]))],
      [plain, precise],
    );
  });
}

const group = (capabilities: ReadonlySet<NodeCapability>): string | undefined =>
  csiCapability(volume, capabilities, 42).mount?.volumeMountGroup;

test("csiCapability() hands the group to drivers that apply it", () => {
  assert.deepEqual([group(none), group(new Set(["VOLUME_MOUNT_GROUP"]))], ["", "42"]);
});

const groups: readonly {
  readonly name: string;
  readonly change?: Partial<CsiVolume>;
  readonly spec?: CSIDriverSpec;
  readonly capability?: NodeCapability;
  readonly want: boolean;
}[] = [
  { name: "a file system for one writer", want: true },
  { name: "no file system type", change: { fsType: "" }, want: false },
  { name: "many writers", change: { accessModes: ["ReadWriteMany"] }, want: false },
  {
    name: "many writers, by policy",
    change: { accessModes: ["ReadWriteMany"] },
    spec: { fsGroupPolicy: "File" },
    want: true,
  },
  { name: "never, by policy", spec: { fsGroupPolicy: "None" }, want: false },
  { name: "what is read only", change: { readOnly: true }, spec: { fsGroupPolicy: "File" }, want: false },
  { name: "a driver that does it itself", capability: "VOLUME_MOUNT_GROUP", want: false },
  { name: "an inline volume", change: { lifecycle: "Ephemeral", accessModes: [] }, want: true },
];

for (const { name, change, spec, capability, want } of groups) {
  test(`changesGroup() ${want ? "takes" : "leaves"} ${name}`, () => {
    const capabilities = new Set(capability === undefined ? [] : [capability]);
    const object = spec === undefined ? undefined : driver(spec);
    assert.equal(changesGroup({ ...volume, ...change }, object, capabilities), want);
  });
}

test("checkLifecycle() refuses what the driver's object does not list", () => {
  const inline: CsiVolume = { ...volume, lifecycle: "Ephemeral" };
  checkLifecycle(volume, undefined);
  checkLifecycle(inline, driver({ volumeLifecycleModes: ["Ephemeral"] }));
  assert.throws(() => checkLifecycle(inline, undefined), {
    message:
      'kubernetes.io/csi: mounter.SetupAt failed to check volume lifecycle mode: volume mode "Ephemeral" not supported by driver d (no CSIDriver object)',
  });
  assert.throws(() => checkLifecycle(volume, driver({ volumeLifecycleModes: ["Ephemeral"] })), {
    message: /"Persistent" not supported by driver d \(only supports \["Ephemeral"\]\)$/,
  });
});

test("csiVolumeOf() gives an inline volume a handle of its own pod", () => {
  const spec = {
    name: "data",
    volume: { name: "data", csi: { driver: "d", nodePublishSecretRef: { name: "s" } } },
    readOnly: false,
    isBlock: false,
  };
  const found = csiVolumeOf(testPod(), spec);
  assert.match(found?.handle ?? "", /^csi-[0-9a-f]{64}$/);
  assert.deepEqual(found?.publishSecret, { name: "s", namespace: "default" });
  assert.equal(podInfo(testPod(), found)["csi.storage.k8s.io/pod.uid"], "u1");
  const other = csiVolumeOf(testPod({}, { uid: "u2" }), spec);
  assert.notEqual(other?.handle, found?.handle);
});
