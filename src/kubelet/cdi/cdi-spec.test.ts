import assert from "node:assert/strict";
import { test } from "node:test";
import { cdiSpec } from "./cdi-spec.ts";

const device = { name: "d1", containerEdits: { env: ["A=1"] } };
const spec = { cdiVersion: "0.5.0", kind: "example.com/dice", devices: [device] };

test("cdiSpec takes what the specification allows", () => {
  for (const cdiVersion of ["0.3.0", "v0.8.0", "1.1.0"])
    assert.equal(cdiSpec({ ...spec, cdiVersion }).kind, "example.com/dice");
});

test("cdiSpec says what is wrong", () => {
  const edits = (containerEdits: object): object => ({ ...spec, containerEdits });
  const cases: readonly (readonly [value: unknown, message: string])[] = [
    [[], "the specification is no object"],
    [{ ...spec, cdiVersion: "2.0.0" }, 'unsupported CDI version "2.0.0"'],
    [{ ...spec, kind: "dice" }, 'invalid kind "dice"'],
    [{ ...spec, devices: [] }, "invalid spec, no devices"],
    [{ ...spec, devices: [{ ...device, name: "-" }] }, 'invalid device name "-"'],
    [{ ...spec, devices: [device, device] }, 'multiple devices "d1"'],
    [edits({ capabilities: [] }), "unknown field containerEdits.capabilities"],
    [edits({ env: "A=1" }), "containerEdits.env is no list"],
    [edits({ env: ["=1"] }), "invalid environment variable"],
    [edits({ deviceNodes: [{ path: "" }] }), "invalid (empty) device path"],
    [edits({ mounts: [{ hostPath: "/a" }] }), "invalid mount, empty host or container path"],
    [edits({ additionalGids: [-1] }), "invalid group -1"],
  ];
  for (const [value, message] of cases) assert.throws(() => cdiSpec(value), { message });
});
