import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, PersistentVolume } from "#api/core/v1/types.gen";
import type { VolumeAttachment } from "#api/storage/v1/types.gen";
import { newNode, newPod, START } from "../testing/objects.ts";
import { newClaim, newVolume } from "../testing/volumes.ts";
import type { NodeView, Present } from "./plan.ts";
import { outcomeOf, plan, UNMOUNT_WAIT_MS } from "./plan.ts";
import { attachableVolumes, attachmentName, isPodOver } from "./volumes.ts";

const NAME = "kubernetes.io/csi/d.example.com^h";
const csi = { driver: "d.example.com", volumeHandle: "h" };
const claimRef = { namespace: "default", name: "data", uid: "uid-data" };
const volume = newVolume("v", { csi, claimRef });
const pod = newPod("p", {
  node: "n",
  spec: { volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }] },
});
const managed = { annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" } };
const node = newNode("n", "True", { metadata: { name: "n", ...managed } });
const silent = newNode("n", "Unknown", { metadata: { name: "n", ...managed } });
const outOfService: Node = {
  ...silent,
  spec: { taints: [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] },
};

function present(unwantedMs: number, more: Partial<VolumeAttachment> = {}): Present {
  const attachment: VolumeAttachment = {
    apiVersion: "storage.k8s.io/v1",
    kind: "VolumeAttachment",
    metadata: { name: "a" },
    spec: { attacher: "d.example.com", nodeName: "n", source: { persistentVolumeName: "v" } },
    status: { attached: true },
    ...more,
  };
  return { attachment, uniqueName: NAME, unwantedMs };
}

const nowhere: NodeView["elsewhere"] = () => ({ nodes: 0, pods: [] });

function view(change: Partial<NodeView>): NodeView {
  return {
    name: "n",
    node,
    inUse: [],
    wanted: [],
    present: [],
    elsewhere: nowhere,
    isBeingMade: () => false,
    ...change,
  };
}

test("plan() attaches what pods want, once", () => {
  const wanted = [{ volume, pods: [pod] }];
  const [attachment] = plan(view({ wanted })).attach;
  assert.equal(attachment?.metadata.name, attachmentName(volume, "n"));
  assert.deepEqual(attachment.spec, {
    attacher: "d.example.com",
    nodeName: "n",
    source: { persistentVolumeName: "v" },
  });
  assert.equal(plan(view({ wanted, isBeingMade: () => true })).attach.length, 0);
  const there = plan(view({ wanted, present: [present(0)] }));
  assert.deepEqual(
    [there.attach, there.detach, there.volumesAttached],
    [[], [], [{ name: NAME, devicePath: "" }]],
  );
  assert.equal(plan(view({ wanted, node: newNode("n") })).attach.length, 0);
});

const detachCases: readonly {
  readonly name: string;
  readonly change: Partial<NodeView>;
  readonly want: string;
}[] = [
  { name: "detaches what is not mounted", change: { present: [present(0)] }, want: "verified" },
  {
    name: "waits while it is mounted",
    change: { present: [present(0)], inUse: [NAME] },
    want: "wait 360000",
  },
  {
    name: "waits for a healthy node for ever",
    change: { present: [present(UNMOUNT_WAIT_MS + 1)], inUse: [NAME] },
    want: "wait undefined",
  },
  {
    name: "takes it from a silent node by force after six minutes",
    change: { node: silent, present: [present(UNMOUNT_WAIT_MS + 1)], inUse: [NAME] },
    want: "timeout",
  },
  {
    name: "takes it from a node out of service at once",
    change: { node: outOfService, present: [present(0)], inUse: [NAME] },
    want: "out-of-service",
  },
  {
    name: "knows nothing of a missing node's mounts",
    change: { node: undefined, present: [present(1)], inUse: undefined },
    want: "wait 359999",
  },
  {
    name: "leaves what is being detached",
    change: { present: [present(0, { metadata: { name: "a", deletionTimestamp: START } })] },
    want: "wait undefined",
  },
];

for (const { name, change, want } of detachCases) {
  test(`plan() ${name}`, () => {
    const p = plan(view(change));
    const [one] = p.detach;
    assert.equal(
      one === undefined ? `wait ${p.waitMs}` : (one.forced ?? (one.verify ? "verified" : "blind")),
      want,
    );
    if (one !== undefined) assert.deepEqual(p.volumesAttached, []);
  });
}

const messages = (others: readonly string[], volumeWanted: PersistentVolume = volume): readonly string[] => {
  const pods = others.map((namespace, i) => newPod(`o${i}`, { metadata: { namespace } }));
  const p = plan(
    view({ wanted: [{ volume: volumeWanted, pods: [pod] }], elsewhere: () => ({ nodes: 1, pods }) }),
  );
  return p.refused.map(({ message }) => message);
};

test("plan() refuses a second node, and says who has the volume", () => {
  const prefix = 'Multi-Attach error for volume "v" Volume is already ';
  assert.deepEqual(messages([]), [
    `${prefix}exclusively attached to one node and can't be attached to another`,
  ]);
  assert.deepEqual(messages(["default"]), [`${prefix}used by pod(s) o0`]);
  assert.deepEqual(messages(["default", "x"]), [
    `${prefix}used by pod(s) o0 and 1 pod(s) in different namespaces`,
  ]);
  assert.deepEqual(messages(["x"]), [`${prefix}used by 1 pod(s) in different namespaces`]);
  assert.deepEqual(messages(["x"], newVolume("v", { csi, accessModes: ["ReadWriteMany"] })), []);
});

const tell = (status: VolumeAttachment["status"]): string | undefined =>
  outcomeOf(present(0, { status: status! }).attachment, volume)?.message;

test("outcomeOf() tells success and failure as upstream words them", () => {
  assert.equal(tell({ attached: true }), 'AttachVolume.Attach succeeded for volume "v" ');
  assert.equal(
    tell({ attached: false, attachError: { message: "no room" } }),
    'AttachVolume.Attach failed for volume "v" : no room',
  );
  assert.equal(tell({ attached: false }), undefined);
});

test("attachableVolumes() takes bound CSI volumes whose driver wants to attach", () => {
  const claim = newClaim("data", { phase: "Bound", spec: { volumeName: "v" } });
  const count = (attachRequired: boolean | undefined, bound = claim): number => {
    const driver = {
      apiVersion: "storage.k8s.io/v1" as const,
      kind: "CSIDriver" as const,
      metadata: { name: "d.example.com" },
      spec: { ...(attachRequired !== undefined && { attachRequired }) },
    };
    return attachableVolumes(pod, { claim: () => bound, volume: () => volume, driver: () => driver }).length;
  };
  assert.deepEqual([count(undefined), count(true), count(false)], [1, 1, 0]);
  assert.equal(count(true, newClaim("data")), 0);
});

test("isPodOver() waits for the containers of a deleted pod", () => {
  const deleted = { deletionTimestamp: START };
  const running = { containerStatuses: [{ name: "c", state: { running: {} } }] } as never;
  assert.equal(isPodOver(newPod("p")), false);
  assert.equal(isPodOver(newPod("p", { metadata: deleted, status: running })), false);
  assert.equal(isPodOver(newPod("p", { metadata: deleted })), true);
  assert.equal(isPodOver(newPod("p", { phase: "Failed" })), true);
});
