import assert from "node:assert/strict";
import { test } from "node:test";
import { lookup } from "#api";
import { Pods } from "#api/core/v1/pod";
import type { Kind, KubeObject } from "#apimachinery";
import { newFieldManager } from "./managed-fields.ts";
import { isSameShape } from "./same-shape.ts";

const schema = lookup({ group: "", version: "v1", kind: "Pod" });

function pod(name: string, container: object = {}, more: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: { containers: [{ name: "c", image: name, args: [name], ...container }], ...more },
  } as KubeObject;
}

test("isSameShape() ignores values, and sees fields, list keys and set members", () => {
  const base = pod("a");
  const cases: readonly (readonly [other: KubeObject, expected: boolean])[] = [
    [pod("b"), true],
    [pod("b", { args: ["1", "2"] }), true],
    [pod("b", { args: [] }), false],
    [pod("b", { name: "other" }), false],
    [pod("b", { tty: true }), false],
    [pod("b", {}, { hostNetwork: true }), false],
    [{ ...pod("b"), metadata: { name: "b", labels: { other: "x" } } }, false],
    [pod("b", { image: null }), false],
  ];
  for (const [other, expected] of cases) {
    assert.equal(isSameShape(base, other, schema), expected, JSON.stringify(other));
    assert.equal(isSameShape(other, base, schema), expected, JSON.stringify(other));
  }
});

test("newFieldManager() gives alike objects the fields it would have found", () => {
  const kind = Pods as unknown as Kind;
  const write = (object: KubeObject) => ({
    kind,
    object,
    old: undefined,
    manager: "m",
    subresource: "",
    nowMs: 0,
  });
  const reused = newFieldManager();
  reused.update(write(pod("a")));
  for (const object of [pod("b"), pod("c", { tty: true }), pod("d", { name: "x" }), pod("e")]) {
    const fresh = newFieldManager().update(write(object));
    assert.deepEqual(reused.update(write(object)).metadata.managedFields, fresh.metadata.managedFields);
  }
});
