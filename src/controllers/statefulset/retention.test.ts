import assert from "node:assert/strict";
import { test } from "node:test";
import type { OwnerReference } from "#apimachinery";
import type { StatefulSet } from "#api/apps/v1/types.gen";
import type { PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import { isStaleClaim, planClaimOwners } from "./retention.ts";

const ref = (kind: string, name: string, uid: string, controller: boolean = true): OwnerReference => ({
  apiVersion: kind === "StatefulSet" ? "apps/v1" : "v1",
  kind,
  name,
  uid,
  ...(controller && { controller, blockOwnerDeletion: true }),
});
const bySet = ref("StatefulSet", "web", "uid-set");
const byPod = ref("Pod", "web-1", "uid-pod");
const byOther = ref("ConfigMap", "other", "uid-other", false);
const byController = ref("Backup", "nightly", "uid-backup");

function setOf(whenDeleted: string, whenScaled: string, replicas: number): StatefulSet {
  const spec = { replicas, persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } };
  const metadata = { name: "web", namespace: "default", uid: "uid-set" };
  return { apiVersion: "apps/v1", kind: "StatefulSet", metadata, spec } as unknown as StatefulSet;
}
const pod: Pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "web-1", uid: "uid-pod" } };

const claimOf = (ownerReferences: readonly OwnerReference[]): PersistentVolumeClaim => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name: "data-web-1", ownerReferences },
});

/** Upstream's table of isClaimOwnerUpToDate and updateClaimOwnerRefForSetAndPod; web-1 is in range with 2 replicas. */
const table: readonly {
  readonly policy: readonly [whenDeleted: string, whenScaled: string];
  readonly replicas?: number;
  readonly had: readonly OwnerReference[];
  /** "same": nothing is written. */
  readonly want: readonly OwnerReference[] | "same";
  readonly isConflicting?: boolean;
}[] = [
  { policy: ["Retain", "Retain"], had: [], want: "same" },
  { policy: ["Retain", "Retain"], had: [bySet], want: [] },
  { policy: ["Retain", "Retain"], had: [byPod, byOther], want: [byOther] },
  { policy: ["Retain", "Retain"], replicas: 1, had: [], want: "same" },
  { policy: ["Retain", "Retain"], had: [byController], want: "same" },
  { policy: ["Delete", "Retain"], had: [], want: [bySet] },
  { policy: ["Delete", "Retain"], had: [bySet], want: "same" },
  { policy: ["Delete", "Retain"], replicas: 1, had: [bySet], want: "same" },
  { policy: ["Delete", "Retain"], had: [byPod], want: [bySet] },
  { policy: ["Delete", "Retain"], had: [bySet, byOther], want: "same" },
  { policy: ["Delete", "Retain"], had: [byOther], want: [byOther, bySet] },
  { policy: ["Delete", "Retain"], had: [ref("StatefulSet", "web", "uid-set", false)], want: [bySet] },
  { policy: ["Retain", "Delete"], had: [], want: "same" },
  { policy: ["Retain", "Delete"], had: [byPod], want: [] },
  { policy: ["Retain", "Delete"], replicas: 1, had: [], want: [byPod] },
  { policy: ["Retain", "Delete"], replicas: 1, had: [byPod], want: "same" },
  { policy: ["Retain", "Delete"], replicas: 1, had: [bySet], want: [byPod] },
  { policy: ["Delete", "Delete"], had: [], want: [bySet] },
  { policy: ["Delete", "Delete"], replicas: 1, had: [bySet], want: [byPod] },
  { policy: ["Delete", "Delete"], had: [byPod], want: [bySet] },
  { policy: ["Delete", "Delete"], had: [bySet, byPod], want: [bySet] },
  // somebody else controls it: the policy is not for this claim
  { policy: ["Delete", "Retain"], had: [byController], want: "same", isConflicting: true },
  { policy: ["Delete", "Retain"], had: [byController, bySet], want: [byController], isConflicting: true },
  // of a set or a pod of this name that is no more
  { policy: ["Delete", "Retain"], had: [ref("StatefulSet", "web", "uid-old")], want: "same" },
  { policy: ["Retain", "Delete"], had: [ref("Pod", "web-1", "uid-old")], want: "same" },
];

for (const { policy, replicas = 2, had, want, isConflicting = false } of table) {
  const owners = had.map(
    ({ kind, uid, controller }) => `${kind} ${uid}${controller ? "" : " (no controller)"}`,
  );
  const [whenDeleted, whenScaled] = policy;
  test(`planClaimOwners() deleted=${whenDeleted} scaled=${whenScaled} replicas=${replicas} had=[${owners.join()}]`, () => {
    const set = setOf(whenDeleted, whenScaled, replicas);
    const planned = planClaimOwners(claimOf(had), set, pod, 1);
    assert.deepEqual(planned, { owners: want === "same" ? undefined : want, isConflicting });
    if (want === "same") return;
    assert.equal(planClaimOwners(claimOf(want), set, pod, 1).owners, undefined, "what was written is right");
  });
}

test("isStaleClaim() holds a pod back from the claim of its predecessor, when claims go with pods", () => {
  const ofOld = claimOf([ref("Pod", "web-1", "uid-old")]);
  assert.deepEqual(
    ["Delete", "Retain"].map((whenScaled) => isStaleClaim(ofOld, setOf("Retain", whenScaled, 2), pod)),
    [true, false],
  );
  assert.equal(isStaleClaim(claimOf([byPod]), setOf("Retain", "Delete", 2), pod), false);
});
