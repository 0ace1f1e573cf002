import assert from "node:assert/strict";
import { test } from "node:test";
import { newPod } from "../testing/objects.ts";
import { newClaim } from "../testing/volumes.ts";
import { claimFor, conflictWith, hasEphemeralVolume } from "./plan.ts";

const scratch = {
  name: "scratch",
  ephemeral: {
    volumeClaimTemplate: {
      metadata: { labels: { a: "b" }, annotations: { c: "d" } },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    },
  },
};
const pod = newPod("p", { spec: { volumes: [{ name: "other", emptyDir: {} }, scratch] } });

test("claimFor() names the claim after pod and volume, and makes the pod its owner", () => {
  const claim = claimFor(pod, scratch)!;
  const owner = {
    apiVersion: "v1",
    kind: "Pod",
    name: "p",
    uid: "uid-p",
    controller: true,
    blockOwnerDeletion: true,
  };
  assert.deepEqual(claim.metadata, {
    name: "p-scratch",
    namespace: "default",
    labels: { a: "b" },
    annotations: { c: "d" },
    ownerReferences: [owner],
  });
  assert.deepEqual(claim.spec, scratch.ephemeral.volumeClaimTemplate.spec);
});

test("claimFor() leaves volumes of other types alone", () => {
  assert.equal(claimFor(pod, { name: "other", emptyDir: {} }), undefined);
  assert.deepEqual([hasEphemeralVolume(pod), hasEphemeralVolume(newPod("q"))], [true, false]);
});

test("conflictWith() tells the pod's own claim from another of the name", () => {
  assert.equal(conflictWith(pod, claimFor(pod, scratch)!), undefined);
  assert.equal(
    conflictWith(pod, newClaim("p-scratch")),
    "PVC default/p-scratch was not created for pod default/p (pod is not owner)",
  );
  const replaced = newPod("p", { metadata: { uid: "younger" } });
  assert.notEqual(conflictWith(replaced, claimFor(pod, scratch)!), undefined);
});
