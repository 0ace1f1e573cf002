import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import type { StorageClass } from "#api/storage/v1/types.gen";
import { newNode } from "../testing/objects.ts";
import { newClaim, newClass, newVolume } from "../testing/volumes.ts";
import {
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  PROVISIONED_BY,
  SELECTED_NODE,
  STORAGE_PROVISIONER,
} from "../volume/claims.ts";
import { boundClaim, boundClaimStatus, boundVolume, claimInPhase, unboundVolume } from "./bind.ts";
import type { ClaimObserved } from "./plan-claim.ts";
import { planClaim } from "./plan-claim.ts";
import { planVolume } from "./plan-volume.ts";

const delayed: Partial<StorageClass> = { volumeBindingMode: "WaitForFirstConsumer" };
const ofClass = (name: string, annotations = {}): PersistentVolumeClaim =>
  newClaim("c", { annotations, spec: { storageClassName: name } });
const bound = newClaim("c", {
  annotations: { [BIND_COMPLETED]: "yes" },
  spec: { volumeName: "v" },
  phase: "Bound",
});
const ref = { name: "c", namespace: "default", uid: "uid-c" };

/** `want`: what is done, and to what; then the reasons of events. */
const claims: readonly {
  readonly name: string;
  readonly claim: PersistentVolumeClaim;
  readonly observed?: Partial<ClaimObserved>;
  readonly want: string;
}[] = [
  { name: "binds what fits", claim: newClaim("c"), observed: { volumes: [newVolume("v")] }, want: "bind v" },
  { name: "tells that there is nothing", claim: newClaim("c"), want: "phase Pending FailedBinding" },
  {
    name: "gives the default class to a claim that names none",
    claim: newClaim("c", { spec: { storageClassName: undefined as never } }),
    observed: {
      classes: [
        newClass("std", {
          metadata: { name: "std", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
        }),
      ],
    },
    want: "set-class std",
  },
  {
    name: "tells of a class that does not exist",
    claim: ofClass("gone"),
    want: "phase Pending ProvisioningFailed",
  },
  {
    name: "asks the provisioner",
    claim: ofClass("disks"),
    observed: { classes: [newClass("disks")] },
    want: "provision example.com/disks ExternalProvisioning",
  },
  {
    name: "asks the provisioner once",
    claim: ofClass("disks", { [STORAGE_PROVISIONER]: "example.com/disks" }),
    observed: { classes: [newClass("disks")] },
    want: "phase Pending ExternalProvisioning",
  },
  {
    name: "waits for the first consumer",
    claim: ofClass("late"),
    observed: { classes: [newClass("late", delayed)] },
    want: "phase Pending WaitForFirstConsumer",
  },
  {
    name: "waits for the consumer's node",
    claim: ofClass("late"),
    observed: { classes: [newClass("late", delayed)], waitingPods: ["web-0"] },
    want: "phase Pending WaitForPodScheduled",
  },
  {
    name: "goes by the node of a consumer that nobody chose one for",
    claim: ofClass("late"),
    observed: { classes: [newClass("late", delayed)], consumerNode: newNode("node-1") },
    want: "select-node node-1",
  },
  {
    name: "asks the provisioner once a node is chosen",
    claim: ofClass("late", { [SELECTED_NODE]: "node-1" }),
    observed: { classes: [newClass("late", delayed)] },
    want: "provision example.com/disks ExternalProvisioning",
  },
  {
    name: "waits for a volume that is named and not there yet",
    claim: newClaim("c", { spec: { volumeName: "v" } }),
    want: "phase Pending",
  },
  {
    name: "refuses a named volume that does not fit",
    claim: newClaim("c", { spec: { volumeName: "v" } }),
    observed: { volumes: [newVolume("v", { capacity: { storage: "1Mi" } })] },
    want: "phase Pending VolumeMismatch",
  },
  {
    name: "refuses a named volume of another claim",
    claim: newClaim("c", { spec: { volumeName: "v" } }),
    observed: {
      volumes: [newVolume("v", { claimRef: { name: "other", namespace: "default", uid: "uid-other" } })],
    },
    want: "phase Pending FailedBinding",
  },
  {
    name: "keeps a binding",
    claim: bound,
    observed: { volumes: [newVolume("v", { claimRef: ref })] },
    want: "bind v",
  },
  { name: "loses a claim whose volume is gone", claim: bound, want: "phase Lost ClaimLost" },
  {
    name: "loses a claim whose volume another has",
    claim: bound,
    observed: { volumes: [newVolume("v", { claimRef: { ...ref, uid: "uid-other" } })] },
    want: "phase Lost ClaimMisbound",
  },
];

for (const { name, claim, observed = {}, want } of claims) {
  test(`planClaim() ${name}`, () => {
    const nothing = { volumes: [], classes: [], waitingPods: [], consumerNode: undefined };
    const { events, error: _error, ...p } = planClaim(claim, { ...nothing, ...observed });
    const { do: what, ...rest } = p;
    const about = Object.values(rest).map((value: unknown) =>
      typeof value === "string" ? value : (value as PersistentVolume).metadata.name,
    );
    assert.equal([what, ...about, ...events.map(({ reason }) => reason)].join(" "), want);
  });
}

const held = { claimRef: ref };
const provisioned = { metadata: { annotations: { [PROVISIONED_BY]: "example.com/disks" } } };
const volumes: readonly {
  readonly name: string;
  readonly volume: PersistentVolume;
  readonly claim?: PersistentVolumeClaim;
  readonly want: string;
}[] = [
  { name: "offers a new volume", volume: newVolume("v", {}, { phase: "Pending" }), want: "phase Available" },
  { name: "leaves a volume that is available", volume: newVolume("v"), want: "nothing" },
  { name: "says that it is bound", volume: newVolume("v", held), claim: bound, want: "phase Bound" },
  { name: "waits for its claim", volume: newVolume("v", held), claim: newClaim("c"), want: "nothing" },
  {
    name: "tells of a claim of another mode",
    volume: newVolume("v", { ...held, volumeMode: "Block" }),
    claim: newClaim("c"),
    want: "nothing VolumeMismatch VolumeMismatch",
  },
  {
    name: "frees a volume whose claim has another",
    volume: newVolume("v", held),
    claim: newClaim("c", { spec: { volumeName: "w" } }),
    want: "unbind",
  },
  {
    name: "releases a volume whose claim is gone",
    volume: newVolume("v", held, { phase: "Bound" }),
    want: "phase Released",
  },
  { name: "retains it", volume: newVolume("v", held, { phase: "Released" }), want: "nothing" },
  {
    name: "cannot delete what users made",
    volume: newVolume("v", { ...held, persistentVolumeReclaimPolicy: "Delete" }, { phase: "Released" }),
    want: "phase Failed VolumeFailedDelete",
  },
  {
    name: "leaves deletion to the provisioner",
    volume: newVolume(
      "v",
      { ...held, persistentVolumeReclaimPolicy: "Delete" },
      { phase: "Released", ...provisioned },
    ),
    want: "nothing",
  },
  {
    name: "cannot recycle",
    volume: newVolume("v", { ...held, persistentVolumeReclaimPolicy: "Recycle" }, { phase: "Released" }),
    want: "phase Failed VolumeFailedRecycle",
  },
];

for (const { name, volume, claim, want } of volumes) {
  test(`planVolume() ${name}`, () => {
    const p = planVolume(volume, claim);
    const words = [
      p.do,
      ...(p.do === "phase" ? [p.phase] : []),
      ...[...p.events, ...(p.claimEvents ?? [])].map(({ reason }) => reason),
    ];
    assert.equal(words.join(" "), want);
  });
}

test("boundVolume() and boundClaim() point at each other, and say who did it", () => {
  const volume = boundVolume(newVolume("v"), newClaim("c"));
  const claim = boundClaim(newClaim("c"), volume);
  assert.equal(volume.spec?.claimRef?.uid, "uid-c");
  assert.deepEqual(volume.metadata.annotations, { [BOUND_BY_CONTROLLER]: "yes" });
  assert.equal(claim.spec?.volumeName, "v");
  assert.deepEqual(claim.metadata.annotations, { [BIND_COMPLETED]: "yes", [BOUND_BY_CONTROLLER]: "yes" });
  assert.equal(boundVolume(volume, claim), volume);
  assert.equal(boundClaim(claim, volume), claim);
  const settled = boundClaimStatus(claim, volume);
  assert.deepEqual(settled.status, {
    phase: "Bound",
    accessModes: ["ReadWriteOnce"],
    capacity: { storage: "1Gi" },
  });
  assert.equal(boundClaimStatus(settled, volume), settled);
  assert.deepEqual(claimInPhase(settled, "Lost").status, { phase: "Lost" });
  assert.equal(unboundVolume(volume).spec?.claimRef, undefined);
});

test("boundVolume() does not claim a binding that the user made", () => {
  const volume = boundVolume(
    newVolume("v", { claimRef: { name: "c", namespace: "default" } }),
    newClaim("c"),
  );
  assert.deepEqual([volume.metadata.annotations, volume.spec?.claimRef?.uid], [undefined, "uid-c"]);
  assert.deepEqual(unboundVolume(volume).spec?.claimRef?.name, "c");
  assert.equal(unboundVolume(volume).spec?.claimRef?.uid, undefined);
});
