import assert from "node:assert/strict";
import { test } from "node:test";
import { LOCAL_PATH_PROVISIONER, releasedAnnotation } from "#api/core/v1/local-path-volumes";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { newNode } from "../testing/objects.ts";
import { newClaim, newClass, newVolume } from "../testing/volumes.ts";
import { PROVISIONED_BY, SELECTED_NODE, STORAGE_PROVISIONER } from "../volume/claims.ts";
import {
  FINALIZER,
  missingDefaultClass,
  planProvision,
  planRelease,
  RELEASED_MAX,
  type Release,
} from "./plan.ts";

const immediate = newClass("local", { provisioner: LOCAL_PATH_PROVISIONER });
const late = newClass("local", {
  provisioner: LOCAL_PATH_PROVISIONER,
  volumeBindingMode: "WaitForFirstConsumer",
});
const labelled = newNode("node-2", "True", {
  metadata: { name: "node-2", labels: { "kubernetes.io/hostname": "host-2" } },
});
const nodes = [newNode("node-0", "False"), newNode("node-1"), labelled];

function asked(
  spec: Partial<NonNullable<PersistentVolumeClaim["spec"]>> = {},
  node?: string,
): PersistentVolumeClaim {
  const annotations = {
    [STORAGE_PROVISIONER]: LOCAL_PATH_PROVISIONER,
    ...(node !== undefined && { [SELECTED_NODE]: node }),
  };
  return newClaim("c", { annotations, spec: { storageClassName: "local", ...spec } });
}

test("planProvision() makes a volume on the node that was chosen, reachable from there alone", () => {
  const p = planProvision(asked({}, "node-2"), late, nodes);
  assert.ok(p.do === "create");
  const { metadata, spec } = p.volume;
  assert.equal(metadata.name, "pvc-uid-c");
  assert.deepEqual(metadata.finalizers, ["external-provisioner.volume.kubernetes.io/finalizer"]);
  assert.deepEqual(spec?.hostPath, { path: "/var/lib/k8ts/local-path/pvc-uid-c", type: "DirectoryOrCreate" });
  assert.deepEqual(spec?.nodeAffinity?.required?.nodeSelectorTerms, [
    { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["host-2"] }] },
  ]);
  assert.deepEqual(
    [spec?.capacity, spec?.persistentVolumeReclaimPolicy, spec?.storageClassName, spec?.claimRef?.uid],
    [{ storage: "1Gi" }, "Delete", "local", "uid-c"],
  );
});

test("planProvision() chooses a node itself where nobody waits for one", () => {
  const p = planProvision(asked(), immediate, nodes);
  const fields =
    p.do === "create" && p.volume.spec?.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchFields;
  assert.deepEqual(fields, [{ key: "metadata.name", operator: "In", values: ["node-1"] }]);
});

const idle: readonly (readonly [string, PersistentVolumeClaim, typeof late])[] = [
  ["before a node is chosen", asked(), late],
  [
    "for claims that nobody asked it about",
    newClaim("c", { spec: { storageClassName: "local" } }),
    immediate,
  ],
  ["for claims that name a volume", asked({ volumeName: "v" }), immediate],
  ["for classes of others", asked(), newClass("local")],
];

for (const [name, claim, storageClass] of idle) {
  test(`planProvision() does nothing ${name}`, () =>
    assert.deepEqual(planProvision(claim, storageClass, nodes), { do: "nothing" }));
}

const failures: readonly (readonly [PersistentVolumeClaim, string])[] = [
  [
    asked({ accessModes: ["ReadWriteMany"] }),
    "access mode ReadWriteMany is not supported, a volume is a folder of one node",
  ],
  [asked({ volumeMode: "Block" }), "block volumes are not supported"],
  [asked({ selector: {} }), "claim.Spec.Selector is not supported"],
  [asked({}, "gone"), 'node "gone" not found'],
];

for (const [claim, problem] of failures) {
  test(`planProvision() fails with: ${problem}`, () => {
    const message = `failed to provision volume with StorageClass "local": ${problem}`;
    assert.deepEqual(planProvision(claim, immediate, nodes), { do: "fail", message });
  });
}

interface Released {
  readonly policy?: string;
  readonly phase?: string;
  readonly held?: boolean;
  readonly terminating?: boolean;
  readonly by?: string;
  readonly on?: string;
}

const DELETED = "2026-01-01T00:00:00Z";

function released({
  policy = "Delete",
  phase = "Released",
  held = true,
  terminating = true,
  by = LOCAL_PATH_PROVISIONER,
  on = "host-2",
}: Released): PersistentVolume {
  const values = { key: "kubernetes.io/hostname", operator: "In", values: [on] };
  return newVolume(
    "v",
    {
      persistentVolumeReclaimPolicy: policy,
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [values] }] } },
    },
    {
      phase,
      metadata: {
        annotations: { [PROVISIONED_BY]: by },
        ...(held && { finalizers: [FINALIZER] }),
        ...(terminating && { deletionTimestamp: DELETED }),
      },
    },
  );
}

const releases: readonly (readonly [what: string, volume: PersistentVolume, expected: Release])[] = [
  ["tells the node of what goes", released({}), { do: "tell", node: "node-2" }],
  ["deletes what nobody claims", released({ terminating: false }), { do: "delete" }],
  ["holds what it did not make so", released({ terminating: false, held: false }), { do: "hold" }],
  ["leaves what is bound", released({ terminating: false, phase: "Bound" }), { do: "nothing" }],
  ["leaves what is bound and to go", released({ phase: "Bound" }), { do: "nothing" }],
  ["leaves what may be bound", released({ terminating: false, phase: "Available" }), { do: "nothing" }],
  ["tells of what goes unclaimed", released({ phase: "Available" }), { do: "tell", node: "node-2" }],
  ["leaves what is to stay", released({ terminating: false, policy: "Retain" }), { do: "nothing" }],
  ["lets go of what is to stay", released({ policy: "Retain" }), { do: "let-go" }],
  ["lets go where the node is no more", released({ on: "gone" }), { do: "let-go" }],
  ["leaves what it has let go", released({ held: false }), { do: "nothing" }],
  ["leaves others' volumes", released({ by: "example.com/other" }), { do: "nothing" }],
];

for (const [what, volume, expected] of releases) {
  test(`planRelease() ${what}`, () => assert.deepEqual(planRelease(volume, nodes), expected));
}

/** A node that was told of these. */
function told(names: readonly string[]): typeof labelled {
  const annotations = Object.fromEntries(names.map((name) => [releasedAnnotation(name), "Delete"]));
  return { ...labelled, metadata: { ...labelled.metadata, annotations } };
}

test("planRelease() tells of a volume once, and of so many as a node can have", () => {
  const others = Array.from({ length: RELEASED_MAX }, (_, at) => `other-${at}`);
  assert.deepEqual(planRelease(released({}), [told(["v"])]), { do: "let-go" });
  assert.deepEqual(planRelease(released({}), [told(others.slice(1))]), { do: "tell", node: "node-2" });
  assert.deepEqual(planRelease(released({}), [told(others)]), { do: "wait" });
});

test("planRelease() finds a node without a label for its name", () => {
  const p = planProvision(asked(), immediate, nodes);
  assert.ok(p.do === "create");
  const { volume } = p;
  const gone = { ...volume, metadata: { ...volume.metadata, deletionTimestamp: DELETED } };
  assert.deepEqual(planRelease(gone, nodes), { do: "tell", node: "node-1" });
});

test("missingDefaultClass() is made only where there is no default", () => {
  assert.equal(missingDefaultClass([])?.volumeBindingMode, "WaitForFirstConsumer");
  assert.equal(missingDefaultClass([newClass("standard")]), undefined);
  assert.notEqual(missingDefaultClass([newClass("other")]), undefined);
  const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
  assert.equal(
    missingDefaultClass([newClass("other", { metadata: { name: "other", annotations } })]),
    undefined,
  );
});
