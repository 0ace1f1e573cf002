import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { newClaim, newVolume } from "../testing/volumes.ts";
import { plan, wantsMore } from "./plan.ts";

function claimOf(phase: string, request: string, capacity?: string): PersistentVolumeClaim {
  return {
    ...newClaim("data", { spec: { resources: { requests: { storage: request } } } }),
    status: { phase, ...(capacity !== undefined && { capacity: { storage: capacity } }) },
  };
}

const cases = [
  { name: "more than it has", claim: claimOf("Bound", "2Gi", "1Gi"), want: true },
  { name: "as much, otherwise written", claim: claimOf("Bound", "1Gi", "1024Mi"), want: false },
  { name: "less", claim: claimOf("Bound", "1Gi", "2Gi"), want: false },
  { name: "more, without a volume yet", claim: claimOf("Pending", "2Gi"), want: false },
];
for (const { name, claim, want } of cases)
  test(`wantsMore() is ${want} for a claim that asks for ${name}`, () =>
    assert.equal(wantsMore(claim), want));

const claim = claimOf("Bound", "2Gi", "1Gi");
const claimRef = { namespace: "default", name: "data", uid: "uid-data" };

test("plan() leaves CSI volumes and folders to an external controller", () => {
  const message = "waiting for an external controller to expand this PVC";
  assert.deepEqual(plan(claim, newVolume("pv", { claimRef, hostPath: { path: "/x" } })), { message });
  const csi = { driver: "disks", volumeHandle: "1" };
  assert.deepEqual(plan(claim, newVolume("pv", { claimRef, csi })), { message });
});

test("plan() names the driver that took a plugin's place", () => {
  const volume = newVolume("pv", { claimRef, awsElasticBlockStore: { volumeID: "v" } });
  assert.deepEqual(plan(claim, volume), {
    message:
      "CSI migration enabled for kubernetes.io/aws-ebs; waiting for external resizer to expand the pvc",
    resizer: "ebs.csi.aws.com",
  });
});

test("plan() refuses a volume that is bound to another claim", () => {
  const volume = newVolume("pv", { claimRef: { ...claimRef, uid: "other" } });
  assert.throws(() => plan(claim, volume), /not bound to PVC being updated : default\/data/);
});
