import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/core/v1/types.gen";
import type { ResourceClaim, ResourceClaimStatus, ResourceClaimTemplate } from "#api/resource/v1/types.gen";
import { newPod, START } from "../testing/objects.ts";
import { planClaim } from "./plan-claim.ts";
import { claimsToReserve, claimStatusesOf, planClaimOfPod } from "./plan-pod.ts";

const FINALIZER = "resource.kubernetes.io/delete-protection";
const owner = { apiVersion: "v1", kind: "Pod", name: "p", uid: "uid-p", controller: true };
const podClaim = { name: "gpu", resourceClaimTemplateName: "t" };
const template: ResourceClaimTemplate = {
  apiVersion: "resource.k8s.io/v1",
  kind: "ResourceClaimTemplate",
  metadata: { name: "t", namespace: "default" },
  spec: { metadata: { labels: { a: "b" } }, spec: {} },
};

function newClaim(
  name: string,
  status: ResourceClaimStatus = {},
  metadata: Partial<ResourceClaim["metadata"]> = {},
): ResourceClaim {
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: { name, namespace: "default", ...metadata },
    spec: {},
    status,
  };
}

const own = newClaim(
  "p-gpu-x",
  {},
  {
    ownerReferences: [owner],
    annotations: { "resource.kubernetes.io/pod-claim-name": "gpu" },
  },
);
const noted = (name?: string): Pod =>
  newPod("p", {
    spec: { resourceClaims: [podClaim] },
    status: {
      resourceClaimStatuses: [{ name: "gpu", ...(name !== undefined && { resourceClaimName: name }) }],
    },
  });
const fresh = newPod("p", { spec: { resourceClaims: [podClaim] } });

function stepOf(pod: Pod, claims: readonly ResourceClaim[], owned: readonly ResourceClaim[] = []): string {
  const step = planClaimOfPod(pod, podClaim, {
    claim: (name) => claims.find(({ metadata }) => metadata.name === name),
    owned,
    template: (name) => (name === "t" ? template : undefined),
  });
  return step.action === "create" ? `create ${step.claim.metadata.generateName}` : step.action;
}

test("planClaimOfPod() makes, finds and keeps claims", () => {
  assert.equal(stepOf(fresh, []), "create p-gpu-");
  assert.equal(stepOf(fresh, [], [own]), "use");
  assert.equal(stepOf(noted("p-gpu-x"), [own]), "nothing");
  assert.equal(stepOf(noted("p-gpu-x"), []), "create p-gpu-");
  assert.equal(stepOf(noted("other"), [newClaim("other")]), "create p-gpu-");
  assert.equal(stepOf(noted(), []), "nothing");
});

test("planClaimOfPod() cuts both names of a long prefix", () => {
  const pod = newPod("p".repeat(80), { spec: { resourceClaims: [podClaim] } });
  assert.equal(stepOf(pod, []), `create ${"p".repeat(53)}-gp`);
});

test("planClaimOfPod() says which template is missing", () => {
  const world = { claim: () => undefined, owned: [], template: () => undefined };
  assert.throws(() => planClaimOfPod(fresh, podClaim, world), {
    message: 'resource claim template "t": resourceclaimtemplate.resource.k8s.io "t" not found',
  });
});

test("claimStatusesOf() keeps what the status says of other claims", () => {
  const pod = newPod("p", {
    spec: { resourceClaims: [podClaim, { name: "nic", resourceClaimTemplateName: "t" }] },
    status: { resourceClaimStatuses: [{ name: "nic", resourceClaimName: "p-nic-y" }] },
  });
  assert.equal(claimStatusesOf(pod, new Map()), undefined);
  assert.deepEqual(claimStatusesOf(pod, new Map([["gpu", "p-gpu-x"]])), [
    { name: "gpu", resourceClaimName: "p-gpu-x" },
    { name: "nic", resourceClaimName: "p-nic-y" },
  ]);
});

test("claimsToReserve() gives a pod with a node the allocated claims that it lacks", () => {
  const pod = newPod("p", { node: "n", spec: { resourceClaims: [{ name: "a", resourceClaimName: "c" }] } });
  const count = (status: ResourceClaimStatus): number =>
    claimsToReserve(pod, () => newClaim("c", status)).length;
  assert.equal(count({ allocation: {} }), 1);
  assert.equal(count({}), 0);
  assert.equal(count({ allocation: {}, reservedFor: [{ resource: "pods", name: "p", uid: "uid-p" }] }), 0);
  assert.equal(claimsToReserve(fresh, () => newClaim("c", { allocation: {} })).length, 0);
});

const used: ResourceClaimStatus = {
  allocation: {},
  reservedFor: [{ resource: "pods", name: "p", uid: "uid-p" }],
};
const held = { finalizers: [FINALIZER] };

test("planClaim() gives the devices back when the last consumer is gone", () => {
  const claim = newClaim("c", used, held);
  assert.deepEqual(
    planClaim(claim, () => true, undefined),
    { status: {}, finalizers: [], remove: false },
  );
  assert.deepEqual(
    planClaim(claim, () => false, undefined),
    { remove: false },
  );
});

test("planClaim() keeps the allocation while others use it", () => {
  const other = { resource: "pods", name: "q", uid: "uid-q" };
  const claim = newClaim("c", { ...used, reservedFor: [...used.reservedFor!, other] }, held);
  const p = planClaim(claim, ({ uid }) => uid === "uid-p", undefined);
  assert.deepEqual(p, { status: { allocation: {}, reservedFor: [other] }, remove: false });
});

test("planClaim() lets a deleted claim go that nobody uses", () => {
  const deleted = { ...held, deletionTimestamp: START };
  const allocated = planClaim(newClaim("c", { allocation: {} }, deleted), () => false, undefined);
  assert.deepEqual(allocated, { status: {}, finalizers: [], remove: false });
  const bare = planClaim(newClaim("c", {}, deleted), () => false, undefined);
  assert.deepEqual(bare, { finalizers: [], remove: false });
});

const isRemoved = (pod: Pod | undefined): boolean => planClaim(own, () => false, pod).remove;

test("planClaim() removes a generated claim whose pod will not run", () => {
  assert.deepEqual(
    [
      newPod("p"),
      newPod("p", { phase: "Succeeded" }),
      newPod("p", { metadata: { uid: "younger" } }),
      undefined,
    ].map(isRemoved),
    [false, true, true, false],
  );
});
