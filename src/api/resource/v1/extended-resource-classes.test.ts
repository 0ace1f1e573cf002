import assert from "node:assert/strict";
import { test } from "node:test";
import { classesByResource, isDeviceResource } from "./extended-resource-classes.ts";
import type { DeviceClass } from "./types.gen.ts";

function newClass(name: string, creationTimestamp: string, extendedResourceName?: string): DeviceClass {
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "DeviceClass",
    metadata: { name, creationTimestamp },
    spec: { ...(extendedResourceName !== undefined && { extendedResourceName }) },
  };
}

test("classesByResource() prefers the newest of several classes, then the first by name", () => {
  const [day1, day2] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"];
  const classes = [
    newClass("c", day2, "example.com/gpu"),
    newClass("b", day2, "example.com/gpu"),
    newClass("a", day1, "example.com/gpu"),
    newClass("plain", day1),
  ];
  for (const order of [classes, classes.toReversed()]) {
    const found = classesByResource(order);
    assert.equal(found.get("example.com/gpu")?.metadata.name, "b");
    assert.equal(found.get("deviceclass.resource.kubernetes.io/a")?.metadata.name, "a");
    assert.equal(found.get("deviceclass.resource.kubernetes.io/plain")?.metadata.name, "plain");
    assert.equal(found.size, 5);
  }
});

test("isDeviceResource() knows extended resources and the names of classes", () => {
  const names = ["example.com/gpu", "deviceclass.resource.kubernetes.io/gpu", "cpu", "kubernetes.io/batch"];
  assert.deepEqual(names.map(isDeviceResource), [true, true, false, false]);
});
