import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { newNode } from "../testing/objects.ts";
import { newClaim, newVolume } from "../testing/volumes.ts";
import type { MatchOptions } from "./match.ts";
import { findMatch, whyNot } from "./match.ts";

const ref = { name: "c", namespace: "default", uid: "uid-c" };
const size = (storage: string): { readonly capacity: { readonly storage: string } } => ({
  capacity: { storage },
});
const onNode = (name: string): Partial<NonNullable<PersistentVolume["spec"]>> => ({
  nodeAffinity: {
    required: {
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [name] }] }],
    },
  },
});

const cases: readonly {
  readonly name: string;
  readonly claim?: PersistentVolumeClaim;
  readonly volumes: readonly PersistentVolume[];
  readonly options?: MatchOptions;
  readonly want: string | undefined;
}[] = [
  {
    name: "takes the smallest that is large enough",
    volumes: [
      newVolume("large", size("5Gi")),
      newVolume("small", size("512Mi")),
      newVolume("right", size("2Gi")),
    ],
    want: "right",
  },
  {
    name: "prefers the one that is kept for the claim",
    volumes: [
      newVolume("free"),
      newVolume("kept", { ...size("9Gi"), claimRef: { name: "c", namespace: "default" } }),
    ],
    want: "kept",
  },
  {
    name: "leaves those of other claims",
    volumes: [newVolume("other", { claimRef: { ...ref, uid: "uid-before" } })],
    want: undefined,
  },
  {
    name: "leaves other classes",
    volumes: [newVolume("gold", { storageClassName: "gold" })],
    want: undefined,
  },
  { name: "leaves other modes", volumes: [newVolume("raw", { volumeMode: "Block" })], want: undefined },
  {
    name: "leaves those that lack an access mode",
    claim: newClaim("c", { spec: { accessModes: ["ReadWriteMany"] } }),
    volumes: [newVolume("one"), newVolume("many", { accessModes: ["ReadWriteOnce", "ReadWriteMany"] })],
    want: "many",
  },
  {
    name: "goes by the claim's selector",
    claim: newClaim("c", { spec: { selector: { matchLabels: { disk: "fast" } } } }),
    volumes: [newVolume("slow"), newVolume("fast", size("2Gi"), { metadata: { labels: { disk: "fast" } } })],
    want: "fast",
  },
  {
    name: "leaves those that are released",
    volumes: [newVolume("old", {}, { phase: "Released" })],
    want: undefined,
  },
  {
    name: "chooses nothing before the first consumer has a node",
    volumes: [newVolume("free")],
    options: { isDelayed: true },
    want: undefined,
  },
  {
    name: "chooses what the consumer's node can reach",
    volumes: [newVolume("far", onNode("node-2")), newVolume("near", onNode("node-1"))],
    options: { isDelayed: true, node: newNode("node-1") },
    want: "near",
  },
];

for (const { name, claim = newClaim("c"), volumes, options = { isDelayed: false }, want } of cases) {
  test(`findMatch() ${name}`, () => assert.equal(findMatch(claim, volumes, options)?.metadata.name, want));
}

const problems: readonly (readonly [PersistentVolume, string | undefined])[] = [
  [newVolume("v"), undefined],
  [newVolume("v", size("1Mi")), "requested PV is too small"],
  [newVolume("v", { storageClassName: "gold" }), "storageClassName does not match"],
  [newVolume("v", { volumeMode: "Block" }), "incompatible volumeMode"],
  [newVolume("v", { accessModes: ["ReadOnlyMany"] }), "incompatible accessMode"],
];

for (const [volume, want] of problems) {
  test(`whyNot() says ${want ?? "nothing of a volume that fits"}`, () =>
    assert.equal(whyNot(volume, newClaim("c")), want));
}
