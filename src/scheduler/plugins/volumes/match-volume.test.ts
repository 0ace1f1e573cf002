import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import type { StorageClass } from "#api/storage/v1/types.gen";
import { SchedulerCache } from "../../cache/scheduler-cache.ts";
import { testNode } from "../../fixture.ts";
import type { NodeInfo } from "../../cache/node-info.ts";
import { candidatesFor, canProvision, findVolume } from "./match-volume.ts";

const node = nodeInfo("a", { "topology.kubernetes.io/zone": "z1" });

interface Case {
  readonly name: string;
  readonly volumes: readonly PersistentVolume[];
  readonly claim?: PersistentVolumeClaim["spec"];
  readonly taken?: string;
  readonly want: string | undefined;
}

const cases: readonly Case[] = [
  {
    name: "the smallest that is large enough",
    volumes: [volume("s", "1Gi"), volume("l", "9Gi"), volume("m", "5Gi")],
    want: "m",
  },
  { name: "none that is too small", volumes: [volume("s", "1Gi")], want: undefined },
  {
    name: "none of another class",
    volumes: [volume("m", "5Gi", { storageClassName: "fast" })],
    want: undefined,
  },
  {
    name: "none without the access mode",
    volumes: [volume("m", "5Gi", { accessModes: ["ReadOnlyMany"] })],
    want: undefined,
  },
  { name: "none that is promised to another", volumes: [volume("m", "5Gi")], taken: "m", want: undefined },
  {
    name: "the one that is kept for the claim, though a smaller one fits",
    volumes: [volume("m", "5Gi"), volume("l", "9Gi", { claimRef: { namespace: "default", name: "data" } })],
    want: "l",
  },
  {
    name: "the one that is kept for the claim, whatever its access modes",
    volumes: [volume("l", "9Gi", { claimRef: { namespace: "default", name: "data" }, accessModes: [] })],
    want: "l",
  },
  {
    name: "none if the node cannot reach the one that is kept for the claim",
    volumes: [
      volume("m", "5Gi"),
      volume("l", "9Gi", { claimRef: { namespace: "default", name: "data" }, ...elsewhere() }),
    ],
    want: undefined,
  },
  {
    name: "none that is kept for another claim",
    volumes: [volume("m", "5Gi", { claimRef: { namespace: "default", name: "other" } })],
    want: undefined,
  },
  {
    name: "none that the node cannot reach",
    volumes: [volume("m", "5Gi", elsewhere())],
    want: undefined,
  },
  {
    name: "only what the claim's selector selects",
    volumes: [
      volume("m", "5Gi"),
      { ...volume("l", "9Gi"), metadata: { name: "l", labels: { tier: "gold" } } },
    ],
    claim: { selector: { matchLabels: { tier: "gold" } } },
    want: "l",
  },
];

for (const { name, volumes, claim = {}, taken, want } of cases) {
  test(`findVolume() takes ${name}`, () => {
    const spec = {
      storageClassName: "slow",
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "4Gi" } },
      ...claim,
    };
    const metadata = { namespace: "default", name: "data", uid: "u" };
    const claimed: PersistentVolumeClaim = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata,
      spec,
    };
    const candidates = candidatesFor(claimed, volumes);
    const found = findVolume(candidates, node, (other) => other.metadata.name === taken);
    assert.equal(found?.metadata.name, want);
  });
}

test("canProvision() asks whether the class makes volumes where the node is", () => {
  assert.equal(canProvision(classOf("example.com/disk"), node), true);
  assert.equal(canProvision(classOf("kubernetes.io/no-provisioner"), node), false);
  assert.equal(canProvision(classOf("example.com/disk", "z1"), node), true);
  assert.equal(canProvision(classOf("example.com/disk", "z2"), node), false);
});

function classOf(provisioner: string, zone?: string): StorageClass {
  const key = "topology.kubernetes.io/zone";
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "c" },
    provisioner,
    ...(zone !== undefined && { allowedTopologies: [{ matchLabelExpressions: [{ key, values: [zone] }] }] }),
  };
}

/** Reached from another node only. */
function elsewhere(): PersistentVolume["spec"] {
  const terms = [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["b"] }] }];
  return { nodeAffinity: { required: { nodeSelectorTerms: terms } } };
}

function volume(name: string, storage: string, spec: PersistentVolume["spec"] = {}): PersistentVolume {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: { capacity: { storage }, accessModes: ["ReadWriteOnce"], storageClassName: "slow", ...spec },
    status: { phase: "Available" },
  };
}

function nodeInfo(name: string, labels: Readonly<Record<string, string>>): NodeInfo {
  const cache = new SchedulerCache();
  cache.setNode(testNode(name, { labels }));
  return cache.get(name)!;
}
