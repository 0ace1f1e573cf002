import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/core/v1/types.gen";
import { planClaims } from "./controller-ref-manager.ts";
import { newPod, newReplicaSet, START } from "./testing/objects.ts";

const mine = {
  ownerReferences: [
    { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "uid-web", controller: true },
  ],
};
const others = { ownerReferences: [{ ...mine.ownerReferences[0]!, uid: "uid-other" }] };
const notController = { ownerReferences: [{ ...mine.ownerReferences[0]!, controller: false }] };
const deleted = { deletionTimestamp: START };

const cases: readonly {
  readonly name: string;
  readonly pod: Pod;
  readonly deletedOwner?: boolean;
  readonly want: string;
}[] = [
  { name: "keeps what is owned and matches", pod: newPod("a", { metadata: mine }), want: "owned" },
  {
    name: "releases what is owned and matches no more",
    pod: newPod("a", { metadata: mine, labels: {} }),
    want: "release",
  },
  { name: "adopts matching orphans", pod: newPod("a"), want: "adopt" },
  {
    name: "adopts what an owner that is no controller owns",
    pod: newPod("a", { metadata: notController }),
    want: "adopt",
  },
  { name: "leaves what others own", pod: newPod("a", { metadata: others }), want: "" },
  { name: "leaves orphans that do not match", pod: newPod("a", { labels: {} }), want: "" },
  { name: "does not adopt what is being deleted", pod: newPod("a", { metadata: deleted }), want: "" },
  {
    name: "does not adopt from another namespace",
    pod: newPod("a", { metadata: { namespace: "other" } }),
    want: "",
  },
  { name: "adopts nothing for a deleted owner", pod: newPod("a"), deletedOwner: true, want: "" },
  {
    name: "releases nothing for a deleted owner",
    pod: newPod("a", { metadata: mine, labels: {} }),
    deletedOwner: true,
    want: "",
  },
];

for (const { name, pod, deletedOwner = false, want } of cases) {
  test(`planClaims() ${name}`, () => {
    const rs = newReplicaSet("web", 1);
    const owner = deletedOwner ? { ...rs, metadata: { ...rs.metadata, ...deleted } } : rs;
    const claims = planClaims(owner, [pod], ({ metadata }) => metadata.labels?.["app"] === "web");
    const got = Object.entries(claims).filter(([, list]) => list.length > 0);
    assert.equal(got.map(([key]) => key).join(" "), want);
  });
}
