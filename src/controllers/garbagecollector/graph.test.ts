import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind, KubeObject, ObjectMeta, OwnerReference } from "#apimachinery";
import { Deployments } from "#api/apps/v1/deployment";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { START } from "../testing/objects.ts";
import { ABSENT_OWNERS_MAX, FOREGROUND, Graph, ORPHAN } from "./graph.ts";

const pods = Pods as Kind;
const deployments = Deployments as Kind;

function object(name: string, metadata: Partial<ObjectMeta> = {}): KubeObject {
  return { apiVersion: "v1", kind: "Any", metadata: { name, namespace: "default", uid: name, ...metadata } };
}

function ownedBy(name: string, ref: Partial<OwnerReference> = {}): Partial<ObjectMeta> {
  return { ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name, uid: name, ...ref }] };
}

const blocking = { blockOwnerDeletion: true };
const deleting = (finalizer: string): Partial<ObjectMeta> => ({
  deletionTimestamp: START,
  finalizers: [finalizer],
});

test("Graph.observe() asks for nothing while owners are there", () => {
  const graph = new Graph();
  assert.deepEqual(graph.observe(deployments, object("d"), "add"), []);
  assert.deepEqual(graph.observe(pods, object("p", ownedBy("d")), "add"), []);
  assert.deepEqual(graph.observe(pods, object("p", ownedBy("d")), "update"), []);
});

test("Graph.observe() asks for the dependents of an owner that goes, and remembers it as absent", () => {
  const graph = new Graph();
  graph.observe(deployments, object("d"), "add");
  graph.observe(pods, object("p", ownedBy("d")), "add");
  graph.observe(pods, object("q", ownedBy("d")), "add");
  assert.deepEqual(graph.observe(deployments, object("d"), "delete"), ["p", "q"]);
  assert.equal(graph.isAbsent("d"), true);
  assert.deepEqual(
    graph.dependentsOf("d").map(({ uid }) => uid),
    ["p", "q"],
  );
});

test("Graph.observe() asks for an object whose owner was never seen", () => {
  const graph = new Graph();
  assert.deepEqual(graph.observe(pods, object("p", ownedBy("d")), "add"), ["p"]);
  assert.deepEqual(graph.observe(deployments, object("d"), "add"), []);
});

test("Graph.observe() asks for objects that name an owner by the wrong name, kind, group or namespace", () => {
  for (const wrong of [{ name: "x" }, { kind: "Pod" }, { apiVersion: "v1" }]) {
    const graph = new Graph();
    graph.observe(deployments, object("d"), "add");
    assert.deepEqual(graph.observe(pods, object("p", ownedBy("d", wrong)), "add"), ["p"]);
  }
  const graph = new Graph();
  graph.observe(pods, object("p", { ...ownedBy("d"), namespace: "other" }), "add");
  assert.deepEqual(graph.observe(deployments, object("d"), "add"), ["p"]);
});

test("Graph.observe() accepts a cluster-scoped owner from any namespace, and any version of its group", () => {
  const graph = new Graph();
  graph.observe(Nodes as Kind, object("n", { namespace: "" }), "add");
  assert.deepEqual(
    graph.observe(pods, object("p", ownedBy("n", { apiVersion: "v1", kind: "Node" })), "add"),
    [],
  );
  graph.observe(deployments, object("d"), "add");
  assert.deepEqual(graph.observe(pods, object("q", ownedBy("d", { apiVersion: "apps/v1beta1" })), "add"), []);
});

test("Graph.observe() asks for dependents and owner when a foreground deletion begins, and only then", () => {
  const graph = new Graph();
  graph.observe(deployments, object("d"), "add");
  graph.observe(pods, object("p", ownedBy("d", blocking)), "add");
  assert.deepEqual(graph.observe(deployments, object("d", deleting(FOREGROUND)), "update"), ["p", "d"]);
  assert.deepEqual(graph.observe(deployments, object("d", deleting(FOREGROUND)), "update"), []);
  assert.deepEqual(graph.observe(pods, object("p", ownedBy("d", blocking)), "delete"), ["d"]);
});

test("Graph.observe() asks for a dependent that comes while its owner waits", () => {
  const graph = new Graph();
  graph.observe(deployments, object("d", deleting(FOREGROUND)), "add");
  assert.deepEqual(graph.observe(pods, object("p", ownedBy("d", blocking)), "add"), ["p"]);
});

test("Graph.observe() asks for the owner when a dependent stops blocking it or forgets it", () => {
  const graph = new Graph();
  graph.observe(deployments, object("d", deleting(FOREGROUND)), "add");
  graph.observe(pods, object("p", ownedBy("d", blocking)), "add");
  graph.observe(pods, object("q", ownedBy("d", blocking)), "add");
  assert.deepEqual(graph.observe(pods, object("p", ownedBy("d")), "update"), ["d"]);
  assert.deepEqual(graph.observe(pods, object("q"), "update"), ["d"]);
  assert.deepEqual(
    graph.dependentsOf("d").map(({ uid }) => uid),
    ["p"],
  );
});

test("Graph.observe() asks only for the owner when it is to orphan its dependents", () => {
  const graph = new Graph();
  graph.observe(deployments, object("d"), "add");
  graph.observe(pods, object("p", ownedBy("d")), "add");
  assert.deepEqual(graph.observe(deployments, object("d", deleting(ORPHAN)), "update"), ["d"]);
});

test("Graph remembers a bounded number of absent owners", () => {
  const graph = new Graph();
  for (let i = 0; i <= ABSENT_OWNERS_MAX; i++) {
    graph.observe(deployments, object(`d${i}`), "add");
    graph.observe(pods, object(`p${i}`, ownedBy(`d${i}`)), "add");
    graph.observe(deployments, object(`d${i}`), "delete");
  }
  assert.equal(graph.isAbsent("d0"), false);
  assert.equal(graph.isAbsent(`d${ABSENT_OWNERS_MAX}`), true);
});
