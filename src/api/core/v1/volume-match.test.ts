import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from "./types.gen.ts";
import {
  compareCapacity,
  hasAccessModes,
  hasAttributes,
  hasMode,
  isKeptFor,
  isLargeEnough,
} from "./volume-match.ts";

const volume = (spec: PersistentVolumeSpec): PersistentVolume => ({
  apiVersion: "v1",
  kind: "PersistentVolume",
  metadata: { name: "pv" },
  spec,
});
const claim: PersistentVolumeClaim = {
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name: "data", namespace: "default", uid: "u1" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
};
const of = (size: string): PersistentVolume => volume({ capacity: { storage: size } });

for (const [what, judge, spec, want] of [
  [
    "isKeptFor() for a claim of that name",
    isKeptFor,
    { claimRef: { name: "data", namespace: "default" } },
    true,
  ],
  [
    "isKeptFor() for its uid",
    isKeptFor,
    { claimRef: { name: "data", namespace: "default", uid: "u1" } },
    true,
  ],
  [
    "isKeptFor() for an earlier one",
    isKeptFor,
    { claimRef: { name: "data", namespace: "default", uid: "u0" } },
    false,
  ],
  ["isKeptFor() for nobody", isKeptFor, {}, false],
  ["isLargeEnough() of as much in other units", isLargeEnough, { capacity: { storage: "1024Mi" } }, true],
  ["isLargeEnough() of less", isLargeEnough, { capacity: { storage: "1G" } }, false],
  ["isLargeEnough() of no size", isLargeEnough, {}, false],
  ["hasMode() of what is not said", hasMode, { volumeMode: "Filesystem" }, true],
  ["hasMode() of a raw device", hasMode, { volumeMode: "Block" }, false],
  [
    "hasAttributes() of a class that nobody wants",
    hasAttributes,
    { volumeAttributesClassName: "gold" },
    false,
  ],
  ["hasAttributes() of none", hasAttributes, { volumeAttributesClassName: "" }, true],
  ["hasAccessModes() of more", hasAccessModes, { accessModes: ["ReadOnlyMany", "ReadWriteOnce"] }, true],
  ["hasAccessModes() of others", hasAccessModes, { accessModes: ["ReadOnlyMany"] }, false],
] as const) {
  test(`${what} is ${want}`, () => assert.equal(judge(volume(spec), claim), want));
}

test("compareCapacity() sorts the smallest first", () => {
  assert.deepEqual(
    [of("2Gi"), of("1G"), of("1Gi")].toSorted(compareCapacity).map(({ spec }) => spec?.capacity?.["storage"]),
    ["1G", "1Gi", "2Gi"],
  );
});
