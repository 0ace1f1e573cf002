import assert from "node:assert/strict";
import { test } from "node:test";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import type { Pod } from "#api/core/v1/types.gen";
import { CSINodes } from "#api/storage/v1/csinode";
import { StorageClasses } from "#api/storage/v1/storageclass";
import { VolumeAttachments } from "#api/storage/v1/volumeattachment";
import { keyOf, type Kind, type KubeObject } from "#apimachinery";
import type { EventHandler, InformerFactory } from "#client";
import { podInfo } from "../../cache/pod-info.ts";
import { SchedulerCache } from "../../cache/scheduler-cache.ts";
import { testNode, testPod } from "../../fixture.ts";
import { AttachedVolumes } from "./attached-volumes.ts";
import { nodeVolumeLimits } from "./node-volume-limits.ts";
import type { VolumeListers } from "./pod-claims.ts";

const DRIVER = "ebs.csi.aws.com";
const claimKind = PersistentVolumeClaims as unknown as Kind;
const volumeKind = PersistentVolumes as unknown as Kind;
const classKind = StorageClasses as unknown as Kind;
const csiNodeKind = CSINodes as unknown as Kind;

function object(kind: Kind, metadata: KubeObject["metadata"], rest: object): KubeObject {
  return { apiVersion: "v1", kind: kind.kind, metadata, ...rest };
}

/** A cluster of the node `a` and what is set, which informers tell of at once. */
function newCluster() {
  const objects = new Map<string, KubeObject>();
  const handlers = new Map<string, EventHandler<KubeObject>>();
  let reads = 0;
  const lister = ({ kind }: Kind) => ({
    get(key: string) {
      reads++;
      return objects.get(`${kind} ${key}`);
    },
  });
  const informers = {
    informer: (kind: Kind) => ({
      addEventHandler: (handler: EventHandler<KubeObject>) => void handlers.set(kind.kind, handler),
    }),
  } as unknown as InformerFactory;
  const listers = {
    claims: lister(claimKind),
    volumes: lister(volumeKind),
    classes: lister(classKind),
    csiNodes: lister(csiNodeKind),
  } as unknown as VolumeListers;
  const attached = new AttachedVolumes(listers, informers);
  const plugin = nodeVolumeLimits(attached);
  const cache = new SchedulerCache();
  cache.setNode(testNode("a"));
  const set = (now: KubeObject): void => {
    const key = `${now.kind} ${keyOf(now)}`;
    const old = objects.get(key);
    objects.set(key, now);
    const handler = handlers.get(now.kind)!;
    if (old === undefined) handler.onAdd?.(now, false);
    else handler.onUpdate?.(now, old);
  };
  return {
    plugin,
    set,
    get reads() {
      return reads;
    },
    remove(gone: KubeObject) {
      objects.delete(`${gone.kind} ${keyOf(gone)}`);
      handlers.get(gone.kind)!.onDelete?.(gone);
    },
    run(pod: Pod) {
      cache.setPod({ ...pod, spec: { ...pod.spec!, nodeName: "a" } });
    },
    end(pod: Pod) {
      cache.removePod(pod.metadata.uid!);
    },
    fits(pod: Pod): boolean {
      const state = new Map<string, unknown>();
      if (plugin.preFilter!(state, podInfo(pod), cache)?.skip === true) return true;
      return plugin.filter!(state, podInfo(pod), cache.get("a")!) === undefined;
    },
    /** A claim that is bound to a volume of the driver. */
    setBound(name: string, source: object = { csi: { driver: DRIVER, volumeHandle: name } }) {
      set(object(volumeKind, { name: `pv-${name}` }, { spec: source }));
      set(claim(name, { volumeName: `pv-${name}` }));
    },
  };
}

function claim(name: string, spec: object): KubeObject {
  return object(claimKind, { name, namespace: "default" }, { spec });
}

function csiNode(count: number, annotations: Readonly<Record<string, string>> = {}): KubeObject {
  const drivers = [{ name: DRIVER, nodeID: "a", allocatable: { count } }];
  return object(csiNodeKind, { name: "a", annotations }, { spec: { drivers } });
}

function attachment(name: string, persistentVolumeName: string): KubeObject {
  const spec = { attacher: DRIVER, nodeName: "a", source: { persistentVolumeName } };
  return object(VolumeAttachments as unknown as Kind, { name }, { spec });
}

function podWith(...claims: readonly string[]): Pod {
  const volumes = claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }));
  return testPod(`pod-${claims.join("-")}`, { spec: { volumes } });
}

test("nodeVolumeLimits counts every volume of the node's pods once, and those of the pod", () => {
  const cluster = newCluster();
  cluster.set(csiNode(2));
  for (const name of ["x", "y", "z"]) cluster.setBound(name);
  cluster.run(podWith("x"));
  assert.equal(cluster.fits(podWith("y")), true);
  assert.equal(cluster.fits(podWith("x", "y")), true, "x is there already");
  assert.equal(cluster.fits(podWith("y", "z")), false);
  cluster.run(podWith("y"));
  assert.equal(cluster.fits(podWith("z")), false);
  cluster.end(podWith("y"));
  assert.equal(cluster.fits(podWith("z")), true);
});

test("nodeVolumeLimits sees every change of what it has counted", () => {
  const cluster = newCluster();
  cluster.set(csiNode(1));
  cluster.setBound("x");
  cluster.run(podWith("late"));
  assert.equal(cluster.fits(podWith("x")), true, "nothing is known of the claim");
  cluster.set(claim("late", { storageClassName: "fast" }));
  assert.equal(cluster.fits(podWith("x")), true, "nothing is known of its class");
  cluster.set(object(classKind, { name: "fast" }, { provisioner: DRIVER }));
  assert.equal(cluster.fits(podWith("x")), false, "it will be made");
  cluster.set(claim("late", { storageClassName: "fast", volumeName: "pv-late" }));
  assert.equal(cluster.fits(podWith("x")), false, "the volume is not known: by the class still");
  cluster.setBound("late", { nfs: { server: "s", path: "/" } });
  assert.equal(cluster.fits(podWith("x")), true, "no driver attaches it");
  cluster.setBound("late");
  assert.equal(cluster.fits(podWith("x")), false);
  cluster.set(csiNode(2));
  assert.equal(cluster.fits(podWith("x")), true);
  cluster.remove(csiNode(2));
  assert.equal(cluster.fits(podWith("x")), true, "no limit is known");
});

test("nodeVolumeLimits counts in-tree volumes where their driver has taken over", () => {
  const cluster = newCluster();
  cluster.set(csiNode(1));
  cluster.setBound("x", { awsElasticBlockStore: { volumeID: "x" } });
  cluster.setBound("y", { awsElasticBlockStore: { volumeID: "y" } });
  cluster.run(podWith("x"));
  assert.equal(cluster.fits(podWith("y")), true);
  cluster.set(csiNode(1, { "storage.alpha.kubernetes.io/migrated-plugins": "kubernetes.io/aws-ebs" }));
  assert.equal(cluster.fits(podWith("y")), false);
});

test("nodeVolumeLimits counts volumes that are still attached", () => {
  const cluster = newCluster();
  cluster.set(csiNode(1));
  cluster.setBound("x");
  cluster.setBound("y");
  cluster.set(attachment("va", "pv-x"));
  assert.equal(cluster.fits(podWith("y")), false);
  cluster.remove(attachment("va", "pv-x"));
  assert.equal(cluster.fits(podWith("y")), true);
});

test("nodeVolumeLimits reads nothing of a node that has not changed", () => {
  const cluster = newCluster();
  cluster.set(csiNode(9));
  for (const name of ["x", "y"]) cluster.setBound(name);
  cluster.run(podWith("x"));
  const pod = podWith("y");
  cluster.fits(pod);
  const before = cluster.reads;
  cluster.fits(pod);
  assert.equal(cluster.reads - before, 2, "the claim of the pod, and its volume");
});

test("nodeVolumeLimits is woken by what may leave more room", () => {
  const { plugin } = newCluster();
  const pod = podInfo(podWith("x"));
  const asks = (resource: string, action: string, more: object): boolean =>
    plugin.queueingHint!({ resource, action, ...more } as never, pod);
  assert.equal(asks("CSINode", "add", {}), true);
  assert.equal(asks("CSINode", "update", { object: { old: csiNode(1), new: csiNode(2) } }), true);
  assert.equal(asks("CSINode", "update", { object: { old: csiNode(2), new: csiNode(1) } }), false);
  assert.equal(asks("AssignedPod", "delete", { pod: { old: podWith("y") } }), true);
  assert.equal(asks("AssignedPod", "delete", { pod: { old: testPod("plain") } }), false);
  assert.equal(asks("PersistentVolumeClaim", "add", { key: "default/x" }), true);
  assert.equal(asks("PersistentVolumeClaim", "add", { key: "default/y" }), false);
  assert.equal(asks("VolumeAttachment", "delete", { object: { old: attachment("va", "pv-y") } }), true);
});
