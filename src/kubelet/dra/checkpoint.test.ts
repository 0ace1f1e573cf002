import assert from "node:assert/strict";
import { test } from "node:test";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import type { ClaimInfo } from "./claim-info.ts";

const device = {
  requestNames: ["r"],
  poolName: "p",
  deviceName: "d",
  cdiDeviceIds: ["v/c=1"],
  shareId: "s",
};
const claim: ClaimInfo = {
  uid: "u",
  name: "x",
  namespace: "ns",
  podUids: new Set(["a", "b"]),
  drivers: new Map([
    ["d1", [device, { ...device, shareId: "" }]],
    ["d2", []],
  ]),
  isPrepared: true,
};

test("readCheckpoint gives back what was written, but for what only one kubelet knows", () => {
  assert.deepEqual(readCheckpoint(writeCheckpoint([claim])), [{ ...claim, isPrepared: false }]);
  assert.deepEqual(readCheckpoint(writeCheckpoint([])), []);
});

test("readCheckpoint reads what another kubelet has written, whose lists may be absent", () => {
  const data =
    '{"kind":"DRACheckpoint","apiVersion":"checkpoint.dra.kubelet.k8s.io/v1","ClaimInfoStateList":[{"ClaimUID":"u","ClaimName":"x","Namespace":"ns","PodUIDs":{"a":{}},"DriverState":{"d1":{"Devices":[{"PoolName":"p","DeviceName":"d","ShareID":null,"RequestNames":null,"CDIDeviceIDs":null}]},"d2":{"Devices":null}}}]}';
  const [read] = readCheckpoint(JSON.stringify({ Data: data, Checksum: 2054546704 }));
  assert.deepEqual(read?.drivers.get("d1"), [
    { requestNames: [], poolName: "p", deviceName: "d", cdiDeviceIds: [], shareId: "" },
  ]);
  assert.deepEqual(read?.drivers.get("d2"), []);
});

test("readCheckpoint refuses a file that was changed", () => {
  const text = writeCheckpoint([claim]).replace("ns", "sn");
  assert.throws(() => readCheckpoint(text), { message: "checkpoint is corrupted" });
});
