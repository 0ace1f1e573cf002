import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, NodeSelectorTerm, PersistentVolume } from "#api/core/v1/types.gen";
import { nodeAffinityProblem } from "./node-affinity.ts";

const node: Node = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n1", labels: { "kubernetes.io/hostname": "host-1", disks: "4" } },
};

function volume(...nodeSelectorTerms: readonly NodeSelectorTerm[]): PersistentVolume {
  const nodeAffinity = { required: { nodeSelectorTerms } };
  return { apiVersion: "v1", kind: "PersistentVolume", metadata: { name: "v" }, spec: { nodeAffinity } };
}

const expression = (key: string, operator: string, ...values: readonly string[]): NodeSelectorTerm => ({
  matchExpressions: [{ key, operator, values }],
});
const field = (key: string, name: string): NodeSelectorTerm => ({
  matchFields: [{ key, operator: "In", values: [name] }],
});

const table: readonly (readonly [what: string, volume: PersistentVolume, fits: boolean])[] = [
  ["a volume without affinity", { ...volume(), spec: {} }, true],
  ["this node's host name", volume(expression("kubernetes.io/hostname", "In", "host-1")), true],
  ["another node's host name", volume(expression("kubernetes.io/hostname", "In", "host-2")), false],
  ["this node's name", volume(field("metadata.name", "n1")), true],
  ["another node's name", volume(field("metadata.name", "n2")), false],
  ["a field that is not known", volume(field("metadata.uid", "n1")), false],
  ["one of several terms", volume(expression("zone", "Exists"), expression("disks", "Gt", "3")), true],
  ["an absent label with NotIn", volume(expression("zone", "NotIn", "a")), true],
  ["an absent label with DoesNotExist", volume(expression("zone", "DoesNotExist")), true],
  ["a number that is too small", volume(expression("disks", "Lt", "4")), false],
  ["a number that is none", volume(expression("disks", "Gt", "many")), false],
  ["an empty term", volume({}), false],
  ["no term", volume(), false],
  ["an unknown operator", volume(expression("disks", "Near", "4")), false],
];

for (const [what, pv, fits] of table) {
  test(`nodeAffinityProblem() ${fits ? "takes" : "refuses"} ${what}`, () => {
    assert.equal(nodeAffinityProblem(pv, node), fits ? undefined : "no matching NodeSelectorTerms");
  });
}
