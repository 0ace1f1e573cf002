import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind, OwnerReference } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import { newPod } from "../testing/objects.ts";
import type { Node } from "./graph.ts";
import type { OwnerState } from "./plan.ts";
import { plan } from "./plan.ts";

/** `owners` is the states of the owners "a", "b", …; `want` is the action in short. */
const cases: readonly {
  readonly name: string;
  readonly owners: readonly OwnerState[];
  readonly dependents?: readonly ("idle" | "deleting")[];
  readonly finalizers?: readonly string[];
  readonly want: string;
}[] = [
  { name: "leaves objects without owners", owners: [], want: "none" },
  { name: "leaves objects with a living owner", owners: ["solid"], want: "none" },
  {
    name: "forgets dead owners while another lives",
    owners: ["solid", "dangling", "waiting"],
    want: "removeOwners b,c",
  },
  {
    name: "deletes objects whose owners are gone",
    owners: ["dangling", "dangling"],
    want: "delete Background",
  },
  { name: "deletes dependents of a waiting owner", owners: ["waiting"], want: "delete Background" },
  {
    name: "deletes in the foreground what has dependents itself",
    owners: ["waiting"],
    dependents: ["idle"],
    want: "delete Foreground",
  },
  {
    name: "stops blocking when a dependent waits too",
    owners: ["waiting"],
    dependents: ["idle", "deleting"],
    want: "delete Foreground unblocked",
  },
  { name: "goes on orphaning", owners: ["dangling"], finalizers: ["orphan"], want: "delete Orphan" },
  {
    name: "goes on in the foreground",
    owners: ["dangling"],
    finalizers: ["foregroundDeletion"],
    want: "delete Foreground",
  },
  {
    name: "ignores dependents when no owner waits",
    owners: ["dangling"],
    dependents: ["idle"],
    want: "delete Background",
  },
];

for (const { name, owners, dependents = [], finalizers = [], want } of cases) {
  test(`plan() ${name}`, () => {
    const states = new Map(owners.map((state, i) => [ref("abc"[i]!), state]));
    const action = plan(newPod("p", { metadata: { finalizers } }), states, dependents.map(node));
    const text =
      action.type === "delete"
        ? `delete ${action.propagationPolicy}${action.unblock ? " unblocked" : ""}`
        : action.type === "removeOwners"
          ? `removeOwners ${action.uids.join(",")}`
          : action.type;
    assert.equal(text, want);
  });
}

function ref(uid: string): OwnerReference {
  return { apiVersion: "apps/v1", kind: "ReplicaSet", name: uid, uid };
}

function node(state: "idle" | "deleting"): Node {
  const isDeletingDependents = state === "deleting";
  const identity = { uid: "x", kind: Pods as Kind, name: "x", namespace: "default", owners: [] };
  return { ...identity, isBeingDeleted: isDeletingDependents, isDeletingDependents, isOrphaning: false };
}
