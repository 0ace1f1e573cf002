import assert from "node:assert/strict";
import { test } from "node:test";
import { scheme } from "../../scheme.ts";
import { PersistentVolumeClaims } from "./persistentvolumeclaim.ts";
import { PersistentVolumes } from "./persistentvolume.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "./types.gen.ts";

type Loose = Readonly<Record<string, unknown>>;

const show = (
  causes: readonly { readonly field: string; readonly message: string }[] = [],
): readonly string[] => causes.map((c) => `${c.field}: ${c.message.split("\n", 1)[0]}`);

function volume(spec: Loose, annotations?: Loose): PersistentVolume {
  return scheme.applyDefaults({
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "v", ...(annotations !== undefined && { annotations }) },
    spec: { accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" }, ...spec },
  } as unknown as PersistentVolume);
}

function claim(spec: Loose, rest: Loose = {}): PersistentVolumeClaim {
  const { metadata, ...others } = rest;
  return scheme.applyDefaults({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "c", namespace: "d", ...(metadata as object) },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "2Gi" } }, ...spec },
    ...others,
  } as unknown as PersistentVolumeClaim);
}

const volumes: readonly (readonly [what: string, volume: PersistentVolume, ...expected: string[]])[] = [
  ["a plain volume", volume({ nfs: { server: "s", path: "/" } })],
  [
    "nothing at all",
    volume({ accessModes: [], capacity: {} }),
    "spec.accessModes: Required value",
    "spec.capacity: Required value",
    'spec.capacity: Unsupported value: {}: supported values: "storage"',
    "spec: Required value: must specify a volume type",
  ],
  [
    "a local volume that may be anywhere",
    volume({ local: { path: "/a/../b" } }),
    `spec.local.path: Invalid value: "/a/../b": must not contain '..'`,
    "spec.nodeAffinity: Required value: Local volume requires node affinity",
  ],
  [
    "a recycled root and a mode that excludes others",
    volume({
      hostPath: { path: "/" },
      persistentVolumeReclaimPolicy: "Recycle",
      accessModes: ["ReadWriteOncePod", "ReadOnlyMany"],
    }),
    "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
    "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'",
  ],
  [
    "secrets of a CSI volume",
    volume({ csi: { driver: "d", volumeHandle: "", nodeStageSecretRef: {}, nodePublishSecretRef: {} } }),
    "spec.csi.volumeHandle: Required value",
    "spec.csi.nodePublishSecretRef.name: Required value",
    "spec.csi.nodePublishSecretRef.namespace: Required value",
  ],
  [
    "mount options where nothing is mounted",
    { ...volume({ hostPath: { path: "/a" } }, { "volume.beta.kubernetes.io/mount-options": "ro" }) },
    "metadata.annotations.volume.beta.kubernetes.io/mount-options: Forbidden: may not specify mount options for this volume type",
  ],
];

for (const [what, object, ...expected] of volumes) {
  test(`PersistentVolumes.validate: ${what}`, () =>
    assert.deepEqual(show(PersistentVolumes.validate!(object)), expected));
}

const nodeAffinity = (key: string): Loose => ({
  required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: "Exists" }] }] },
});

test("PersistentVolumes.validateUpdate keeps source and place, whose labels may get their new names", () => {
  const source = { local: { path: "/a" } };
  const old = volume({ ...source, nodeAffinity: nodeAffinity("beta.kubernetes.io/os") });
  const renamed = volume({ ...source, nodeAffinity: nodeAffinity("kubernetes.io/os") });
  const moved = volume({ local: { path: "/b" }, nodeAffinity: nodeAffinity("other") });
  assert.deepEqual(PersistentVolumes.validateUpdate!(renamed, old), []);
  assert.deepEqual(
    show(PersistentVolumes.validateUpdate!(moved, old)).map((line) => line.split(" value", 1)[0]),
    [
      "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation",
      "nodeAffinity: Invalid",
    ],
  );
});

const snapshot = { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "s" };
const claims: readonly (readonly [what: string, claim: PersistentVolumeClaim, ...expected: string[]])[] = [
  ["a plain claim", claim({})],
  [
    "no mode and no size",
    claim({ accessModes: [], resources: {} }),
    "spec.accessModes: Required value: at least 1 access mode is required",
    "spec.resources[storage]: Required value",
  ],
  [
    "sources that differ",
    claim({ dataSource: snapshot, dataSourceRef: { ...snapshot, name: "t" } }),
    'spec: Invalid value: "spec.dataSource": must match dataSourceRef',
  ],
  [
    "a source of the core group that is no claim",
    claim({ dataSourceRef: { kind: "Pod", name: "p", namespace: "A" } }),
    `spec.dataSourceRef: Invalid value: "Pod": must be 'PersistentVolumeClaim' when referencing the default apiGroup`,
    "spec.dataSourceRef.namespace: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ],
];

for (const [what, object, ...expected] of claims) {
  test(`PersistentVolumeClaims.validate: ${what}`, () =>
    assert.deepEqual(show(PersistentVolumeClaims.validate!(object)), expected));
}

const CLASS = "volume.beta.kubernetes.io/storage-class";
const bound = { status: { phase: "Bound", capacity: { storage: "1Gi" } } };
const updates: readonly (readonly [
  what: string,
  now: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
  ...expected: string[],
])[] = [
  ["a class where there was none", claim({ storageClassName: "a" }), claim({})],
  [
    "the class of the annotation",
    claim({ storageClassName: "a" }),
    claim({}, { metadata: { annotations: { [CLASS]: "a" } } }),
  ],
  [
    "another class than the annotation's",
    claim({ storageClassName: "b" }),
    claim({}, { metadata: { annotations: { [CLASS]: "a" } } }),
    `metadata.annotations.${CLASS}: Invalid value: "": field is immutable`,
    "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
  ],
  [
    "less than there is",
    claim({ resources: { requests: { storage: "1Gi" } } }, bound),
    claim({}, bound),
    "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity",
  ],
];

for (const [what, now, old, ...expected] of updates) {
  test(`PersistentVolumeClaims.validateUpdate: ${what}`, () =>
    assert.deepEqual(show(PersistentVolumeClaims.validateUpdate!(now, old)), expected));
}

test("PersistentVolumeClaims.validateStatusUpdate knows the states of resizing", () => {
  const status = { allocatedResourceStatuses: { storage: "Odd" }, allocatedResources: { cpu: "1" } };
  const pvc = { ...claim({}), status } as unknown as PersistentVolumeClaim;
  assert.deepEqual(show(PersistentVolumeClaims.validateStatusUpdate!(pvc, pvc)), [
    'status.allocatedResourceStatuses: Unsupported value: "storage": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"',
    'status.allocatedResources: Unsupported value: "cpu": supported values: "storage"',
  ]);
});

test("PersistentVolumeClaims.strategy makes both names of a source say the same, and drops what was never one", () => {
  const prepare = PersistentVolumeClaims.strategy!.prepareForCreate!;
  assert.deepEqual(prepare(claim({ dataSource: snapshot })).spec?.dataSourceRef, snapshot);
  assert.deepEqual(prepare(claim({ dataSourceRef: snapshot })).spec?.dataSource, snapshot);
  assert.equal(prepare(claim({ dataSource: { kind: "Pod", name: "p" } })).spec?.dataSource, undefined);
  const foreign = { ...snapshot, namespace: "e" };
  assert.equal(prepare(claim({ dataSourceRef: foreign })).spec?.dataSourceRef, undefined);
});

test("strategies of volumes and claims warn of what is old", () => {
  const pv = volume({ rbd: {}, persistentVolumeReclaimPolicy: "Recycle" });
  assert.deepEqual(PersistentVolumes.strategy!.warnings!(pv, undefined, ""), [
    "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
    "spec.rbd: deprecated in v1.28, non-functional in v1.31+",
  ]);
  const pvc = claim(
    { resources: { requests: { storage: "1500m" } } },
    { metadata: { annotations: { [CLASS]: "a" } } },
  );
  assert.deepEqual(PersistentVolumeClaims.strategy!.warnings!(pvc, undefined, ""), [
    `metadata.annotations[${CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead`,
    'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
  ]);
});
