import assert from "node:assert/strict";
import { test } from "node:test";
import { newPod, START } from "../testing/objects.ts";
import { newClaim } from "../testing/volumes.ts";
import { CLAIM_PROTECTION, isHeldBy, planProtection } from "./plan.ts";

const cases = [
  { isDeleted: false, isProtected: false, isUsed: false, want: "add" },
  { isDeleted: false, isProtected: true, isUsed: false, want: "nothing" },
  { isDeleted: true, isProtected: true, isUsed: true, want: "nothing" },
  { isDeleted: true, isProtected: true, isUsed: false, want: "remove" },
  { isDeleted: true, isProtected: false, isUsed: false, want: "nothing" },
] as const;

for (const { isDeleted, isProtected, isUsed, want } of cases) {
  test(`planProtection() says ${want} of ${JSON.stringify({ isDeleted, isProtected, isUsed })}`, () => {
    const metadata = {
      ...(isDeleted && { deletionTimestamp: START }),
      ...(isProtected && { finalizers: [CLAIM_PROTECTION] }),
    };
    assert.equal(planProtection(newClaim("c", { metadata }), CLAIM_PROTECTION, isUsed), want);
  });
}

test("isHeldBy() counts pods with a node alone, and ephemeral claims by their owner", () => {
  const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "c" } }];
  const ephemeral = [{ name: "data", ephemeral: {} }];
  const ownerReferences = [{ apiVersion: "v1", kind: "Pod", name: "p", uid: "uid-p" }];
  assert.equal(isHeldBy(newClaim("c"), newPod("p", { spec: { volumes }, node: "node-1" })), true);
  assert.equal(isHeldBy(newClaim("c"), newPod("p", { spec: { volumes } })), false);
  const pod = newPod("p", { spec: { volumes: ephemeral }, node: "node-1" });
  assert.equal(isHeldBy(newClaim("p-data"), pod), false);
  assert.equal(isHeldBy(newClaim("p-data", { metadata: { ownerReferences } }), pod), true);
});
