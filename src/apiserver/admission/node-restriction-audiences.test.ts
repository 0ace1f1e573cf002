import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#apimachinery";
import type { Pod, Volume } from "#api/core/v1/types.gen";
import { podAsksForAudience } from "./node-restriction-audiences.ts";

const objects: Readonly<Record<string, object>> = {
  "core/persistentvolumeclaims ns/data": { spec: { volumeName: "pv" } },
  "core/persistentvolumeclaims ns/p-own": { spec: { volumeName: "pv" } },
  "core/persistentvolumes /pv": { spec: { csi: { driver: "d", volumeHandle: "h" } } },
  "storage.k8s.io/csidrivers /d": { spec: { tokenRequests: [{ audience: "vault" }] } },
};
const lookup = {
  get: (resource: string, namespace: string, name: string) =>
    objects[`${resource} ${namespace}/${name}`] as KubeObject | undefined,
};

const volumes: Readonly<Record<string, Volume>> = {
  projected: {
    name: "v",
    projected: { sources: [{ serviceAccountToken: { path: "t", audience: "vault" } }] },
  },
  inline: { name: "v", csi: { driver: "d" } },
  claimed: { name: "v", persistentVolumeClaim: { claimName: "data" } },
  "its own": { name: "own", ephemeral: {} },
};

const pod = (volume: Volume): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "ns" },
  spec: { containers: [], volumes: [volume] },
});

for (const [name, volume] of Object.entries(volumes)) {
  test(`podAsksForAudience() finds who is asked for by a volume that is ${name}`, () => {
    assert.equal(podAsksForAudience(pod(volume), "vault", lookup), true);
    assert.equal(podAsksForAudience(pod(volume), "other", lookup), false);
  });
}

test("podAsksForAudience() asks for nobody on behalf of other volumes", () => {
  assert.equal(podAsksForAudience(pod({ name: "v", emptyDir: {} }), "vault", lookup), false);
  const missing = { name: "v", persistentVolumeClaim: { claimName: "missing" } };
  assert.equal(podAsksForAudience(pod(missing), "vault", lookup), false);
});
