import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#apimachinery";
import type { Pod, Volume } from "#api/core/v1/types.gen";
import { podAsksForAudience } from "./node-restriction-audiences.ts";

const objects: Readonly<Record<string, object>> = {
  "core/persistentvolumeclaims ns/data": { spec: { volumeName: "pv" } },
  "core/persistentvolumeclaims ns/p-own": { spec: { volumeName: "pv" } },
  "core/persistentvolumes /pv": { spec: { csi: { driver: "d", volumeHandle: "h" } } },
  "core/persistentvolumeclaims ns/disk": { spec: { volumeName: "ebs" } },
  "core/persistentvolumes /ebs": { spec: { awsElasticBlockStore: { volumeID: "v" } } },
  "core/persistentvolumeclaims ns/lost": { spec: { volumeName: "gone" } },
  "core/persistentvolumeclaims ns/unbound": { spec: {} },
  "storage.k8s.io/csidrivers /ebs.csi.aws.com": { spec: { tokenRequests: [{ audience: "vault" }] } },
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
  migrated: { name: "v", awsElasticBlockStore: { volumeID: "v" } },
  "claimed and migrated": { name: "v", persistentVolumeClaim: { claimName: "disk" } },
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
    assert.deepEqual(podAsksForAudience(pod(volume), "vault", lookup), { asked: true });
    assert.deepEqual(podAsksForAudience(pod(volume), "other", lookup), { asked: false });
  });
}

test("podAsksForAudience() asks for nobody on behalf of other volumes", () => {
  const answer = podAsksForAudience(pod({ name: "v", emptyDir: {} }), "vault", lookup);
  assert.deepEqual(answer, { asked: false });
});

const missing: readonly (readonly [volume: Volume, problem: string])[] = [
  [
    { name: "v", persistentVolumeClaim: { claimName: "missing" } },
    'persistentvolumeclaim "missing" not found',
  ],
  [{ name: "v", persistentVolumeClaim: { claimName: "lost" } }, 'persistentvolume "gone" not found'],
  [{ name: "v", persistentVolumeClaim: { claimName: "unbound" } }, 'persistentvolume "" not found'],
  [{ name: "v", csi: { driver: "none" } }, 'csidriver.storage.k8s.io "none" not found'],
];

for (const [volume, problem] of missing) {
  test(`podAsksForAudience() cannot tell where ${problem}`, () => {
    assert.deepEqual(podAsksForAudience(pod(volume), "vault", lookup), { asked: false, problem });
  });
}
