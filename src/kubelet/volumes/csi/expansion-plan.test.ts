import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolumeClaim, PersistentVolumeClaimStatus } from "#api/core/v1/types.gen";
import type { VolumeSpec } from "../volume-spec.ts";
import { failedStatus, finishedStatus, planExpansion } from "./expansion-plan.ts";

function claim(status: PersistentVolumeClaimStatus, accessModes = ["ReadWriteOnce"]): PersistentVolumeClaim {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "c" },
    spec: { accessModes },
    status: { capacity: { storage: "1Gi" }, ...status },
  };
}

function spec(of: PersistentVolumeClaim, size = "2Gi", readOnly = false): VolumeSpec {
  const persistent = {
    apiVersion: "v1" as const,
    kind: "PersistentVolume" as const,
    metadata: { name: "pv" },
    spec: { capacity: { storage: size } },
  };
  return { name: "pv", volume: { name: "v" }, claim: of, persistent, readOnly, isBlock: false };
}

const pending = {
  allocatedResources: { storage: "2Gi" },
  allocatedResourceStatuses: { storage: "NodeResizePending" },
};
const done = { capacity: { storage: "2Gi" }, allocatedResources: { storage: "2Gi" } };
const shared = ["ReadWriteMany"];

const cases: readonly {
  readonly name: string;
  readonly spec: VolumeSpec;
  readonly known?: string;
  readonly want: string | undefined;
}[] = [
  { name: "a volume that has its size", spec: spec(claim({}), "1Gi"), want: undefined },
  { name: "an older resizer's volume", spec: spec(claim({})), want: "2Gi plain" },
  { name: "what waits for the node", spec: spec(claim(pending)), want: "2Gi recoverable" },
  { name: "what is read only", spec: spec(claim(pending), "2Gi", true), want: undefined },
  {
    name: "what the controller still works on",
    spec: spec(claim({ ...pending, allocatedResourceStatuses: { storage: "ControllerResizeInProgress" } })),
    want: undefined,
  },
  {
    name: "what was found infeasible",
    spec: spec(claim({ ...pending, allocatedResourceStatuses: { storage: "NodeResizeInfeasible" } })),
    want: undefined,
  },
  { name: "what another node has done for itself", spec: spec(claim(done)), known: "1Gi", want: undefined },
  {
    name: "what another node has done of a shared volume",
    spec: spec(claim(done, shared)),
    known: "1Gi",
    want: "2Gi recoverable followed",
  },
  { name: "what this node has done", spec: spec(claim(done, shared)), known: "2Gi", want: undefined },
];

for (const { name, spec: of, known, want } of cases) {
  test(`planExpansion() ${want === undefined ? "leaves" : "expands"} ${name}`, () => {
    const plan = planExpansion(of, known);
    const shown =
      plan &&
      `${plan.newSize} ${plan.isRecoverable ? "recoverable" : "plain"}${plan.isClaimDone ? " followed" : ""}`;
    assert.equal(shown, want);
  });
}

test("finishedStatus() ends the conditions of the resize and keeps others", () => {
  const conditions = [
    { type: "FileSystemResizePending", status: "True" },
    { type: "Mine", status: "True" },
  ];
  assert.deepEqual(finishedStatus(claim({ ...pending, conditions }), "2Gi"), {
    capacity: { storage: "2Gi" },
    allocatedResourceStatuses: { storage: null },
    conditions: [{ type: "Mine", status: "True" }],
  });
});

test("failedStatus() says why, and whether it is tried again", () => {
  const at = "2026-01-01T00:00:00Z";
  const condition = {
    type: "NodeResizeError",
    status: "True",
    lastTransitionTime: at,
    message: "failed to expand pvc with no room",
  };
  assert.deepEqual(failedStatus(claim(pending), "no room", false, at), { conditions: [condition] });
  assert.deepEqual(failedStatus(claim(pending), "no room", true, at), {
    allocatedResourceStatuses: { storage: "NodeResizeInfeasible" },
    conditions: [condition],
  });
});
