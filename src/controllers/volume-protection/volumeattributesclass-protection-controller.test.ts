import assert from "node:assert/strict";
import { test } from "node:test";
import { newClaim, newVolume } from "../testing/volumes.ts";
import { classesOfClaim, classesOfVolume } from "./volumeattributesclass-protection-controller.ts";

const claim = newClaim("c", { spec: { volumeAttributesClassName: "gold" } });
const target = { targetVolumeAttributesClassName: "silver", status: "Pending" };

for (const [title, status, want] of [
  ["the class that is asked for", {}, ["gold"]],
  ["no class twice", { currentVolumeAttributesClassName: "gold" }, ["gold"]],
  ["the class that the volume still has", { currentVolumeAttributesClassName: "tin" }, ["gold", "tin"]],
  ["the class that the volume is to get", { modifyVolumeStatus: target }, ["gold", "silver"]],
] as const)
  test(`classesOfClaim() names ${title}`, () =>
    assert.deepEqual(classesOfClaim({ ...claim, status: { phase: "Bound", ...status } }), want));

test("classesOfVolume() names the class of the volume, if there is one", () => {
  assert.deepEqual(classesOfVolume(newVolume("v", { volumeAttributesClassName: "gold" })), ["gold"]);
  assert.deepEqual(classesOfVolume(newVolume("v", { volumeAttributesClassName: "" })), []);
  assert.deepEqual(classesOfVolume(newVolume("v")), []);
});
