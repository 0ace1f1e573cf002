import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/core/v1/types.gen";
import { isOwnCSINode, newCSINode, NODE_ID_ANNOTATION, nodePatch, withDriver } from "./csi-node.ts";

const node = (metadata: Partial<Node["metadata"]> = {}): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n", uid: "1", ...metadata },
});

const info = { driver: "d", nodeId: "i", maxVolumes: 0, topology: { zone: "z", rack: "r" } };
const entry = { name: "d", nodeID: "i", topologyKeys: ["rack", "zone"] };

test("withDriver() adds, replaces, and changes nothing that is so already", () => {
  const other = { name: "o", nodeID: "x" };
  assert.deepEqual(withDriver([other], info), [other, entry]);
  assert.equal(withDriver([entry], info), undefined);
  assert.deepEqual(withDriver([entry], { ...info, maxVolumes: 3 }), [
    { ...entry, allocatable: { count: 3 } },
  ]);
  assert.deepEqual(withDriver([{ ...entry, allocatable: { count: 3 } }], info), [entry]);
});

test("nodePatch() adds the driver's id and labels, and takes the id back", () => {
  const first = nodePatch(node(), "d", "i", { zone: "z" });
  assert.deepEqual(first, {
    metadata: { annotations: { [NODE_ID_ANNOTATION]: '{"d":"i"}' }, labels: { zone: "z" } },
  });
  const known = node({ annotations: { [NODE_ID_ANNOTATION]: '{"d":"i"}' }, labels: { zone: "z" } });
  assert.equal(nodePatch(known, "d", "i", { zone: "z" }), undefined);
  assert.deepEqual(nodePatch(known, "d", undefined, {}), {
    metadata: { annotations: { [NODE_ID_ANNOTATION]: null } },
  });
});

test("nodePatch() throws when a label says otherwise", () => {
  assert.throws(() => nodePatch(node({ labels: { zone: "a" } }), "d", "i", { zone: "b" }), {
    message: 'detected topology value collision: driver reported "zone":"b" but existing label is "zone":"a"',
  });
});

test("isOwnCSINode() knows what an older node of that name left", () => {
  const own = newCSINode(node());
  assert.equal(isOwnCSINode(own, node()), true);
  assert.equal(isOwnCSINode(own, node({ uid: "2" })), false);
});
