import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "#client";
import type { Node, PersistentVolume } from "#api/core/v1/types.gen";
import { testPod } from "../container/testing.ts";
import { simulatedPlatform } from "../platform/simulated.ts";
import type { PayloadSources } from "./payload.ts";
import { MountError, VolumeManager } from "./volume-manager.ts";

const signal = new AbortController().signal;
const pod = testPod({ volumes: [{ name: "data", persistentVolumeClaim: { claimName: "claim" } }] });
const sources = {} as PayloadSources;

/** A node named `hostname`, and a bound claim on a folder of the node n1. */
function fixture(hostname: string | undefined) {
  const claim = { spec: { volumeName: "pvc-1" }, status: { phase: "Bound" } };
  const matchExpressions = [{ key: "kubernetes.io/hostname", operator: "In", values: ["n1"] }];
  const volume: PersistentVolume = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "pvc-1" },
    spec: {
      hostPath: { path: "/volumes/pvc-1", type: "DirectoryOrCreate" },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
    },
  };
  const client = {
    get: async (_: unknown, { name }: { name: string }) => (name === "claim" ? claim : volume),
  } as unknown as Pick<Client, "get">;
  const node: Node | undefined =
    hostname === undefined
      ? undefined
      : {
          apiVersion: "v1",
          kind: "Node",
          metadata: { name: hostname, labels: { "kubernetes.io/hostname": hostname } },
        };
  const done: string[] = [];
  const host = {
    ...simulatedPlatform().volumes,
    checkHostPath: async (path: string) => void done.push(`make ${path}`),
  };
  const localPaths = {
    mounting: async (uid: string, { metadata }: PersistentVolume) =>
      void done.push(`mounting ${uid} ${metadata.name}`),
    unmounted: (uid: string) => void done.push(`unmounted ${uid}`),
  };
  const volumes = new VolumeManager({ client, host, rootDir: "/none", node: () => node, localPaths });
  return { volumes, done };
}

test("VolumeManager.mount() notes a claim's volume before its folder is made", async () => {
  const { volumes, done } = fixture("n1");
  const mounted = await volumes.mount(pod, sources, signal);
  assert.deepEqual(mounted.get("data"), { path: "/volumes/pvc-1", readOnly: false });
  await volumes.unmount("u1");
  assert.deepEqual(done, ["mounting u1 pvc-1", "make /volumes/pvc-1", "unmounted u1"]);
});

test("VolumeManager.mount() makes nothing of a volume that belongs to another node", async () => {
  const { volumes, done } = fixture("n2");
  await assert.rejects(volumes.mount(pod, sources, signal), (err) => {
    assert.ok(err instanceof MountError);
    const message =
      'MountVolume.NodeAffinity check failed for volume "pvc-1" : no matching NodeSelectorTerms';
    assert.equal(err.message, message);
    return true;
  });
  assert.deepEqual(done, []);
});

test("VolumeManager.mount() waits for the node's labels", async () => {
  const { volumes, done } = fixture(undefined);
  await assert.rejects(volumes.mount(pod, sources, signal), /node is not registered yet/u);
  assert.deepEqual(done, []);
});
