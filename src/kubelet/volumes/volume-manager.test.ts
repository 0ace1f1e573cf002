import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import type { Client, EventRecorder } from "#client";
import type { Node, PersistentVolume, Volume } from "#api/core/v1/types.gen";
import { testContainer, testPod } from "../container/testing.ts";
import { simulatedPlatform } from "../platform/simulated.ts";
import { MountError, NotAttachedError } from "./mount-error.ts";
import type { PayloadSources } from "./payload.ts";
import { VolumeManager } from "./volume-manager.ts";

const signal = new AbortController().signal;
const sources = {} as PayloadSources;

function podWith(...volumes: readonly Volume[]) {
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
  return testPod({ volumes, containers: [testContainer("c", { volumeMounts })] });
}

const pod = podWith({ name: "data", persistentVolumeClaim: { claimName: "claim" } });

interface World {
  readonly hostname?: string | undefined;
  readonly phase?: string;
  readonly spec?: PersistentVolume["spec"];
  readonly isExhausted?: boolean;
}

/** A node named `hostname`, and a bound claim on a folder of the node n1. */
function fixture({ hostname, phase = "Bound", spec, isExhausted = false }: World) {
  const claim = { metadata: { name: "claim", uid: "c1" }, spec: { volumeName: "pvc-1" }, status: { phase } };
  const matchExpressions = [{ key: "kubernetes.io/hostname", operator: "In", values: ["n1"] }];
  const volume: PersistentVolume = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "pvc-1" },
    spec: {
      claimRef: { namespace: "default", name: "claim", uid: "c1" },
      hostPath: { path: "/volumes/pvc-1", type: "DirectoryOrCreate" },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
      ...spec,
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
  const clock = new FakeClock(0);
  const csi = {
    setUp: () => Promise.reject(new NotAttachedError("not yet")),
    tearDown: async () => {},
    run: async () => {},
    load: async () => {},
  };
  const volumes = new VolumeManager({
    client,
    host,
    rootDir: "/none",
    node: () => node,
    localPaths,
    csi,
    unknown: { unknownOf: () => 0, forgetUnknown: () => {} },
    isExhausted: async () => isExhausted,
    clock,
    recorder: {} as EventRecorder,
    allocatableMemoryBytes: 1 << 30,
    wake: (uid) => void done.push(`wake ${uid}`),
    releaseImages: async () => {},
  });
  return { volumes, done, clock };
}

async function eventsOf(volumes: VolumeManager, of = pod): Promise<readonly string[]> {
  try {
    await volumes.mount(of, sources, signal);
  } catch (err) {
    assert.ok(err instanceof MountError);
    return err.events.map(({ reason, message }) => `${reason}: ${message}`);
  }
  return ["mounted"];
}

test("VolumeManager.mount() notes a claim's volume before its folder is made", async () => {
  const { volumes, done } = fixture({ hostname: "n1" });
  const mounted = await volumes.mount(pod, sources, signal);
  assert.deepEqual(mounted.get("data"), { path: "/volumes/pvc-1", readOnly: false, claimName: "claim" });
  await volumes.unmount("u1", signal);
  assert.deepEqual(done, ["mounting u1 pvc-1", "make /volumes/pvc-1", "unmounted u1"]);
});

test("VolumeManager.mount() makes nothing of a volume that belongs to another node", async () => {
  const { volumes, done } = fixture({ hostname: "n2" });
  assert.deepEqual(await eventsOf(volumes), [
    'FailedMount: MountVolume.NodeAffinity check failed for volume "pvc-1" : no matching NodeSelectorTerms',
  ]);
  assert.deepEqual(done, []);
});

test("VolumeManager.mount() waits for the node's labels", async () => {
  const { volumes, done } = fixture({});
  assert.match((await eventsOf(volumes))[0]!, /node is not registered yet/u);
  assert.deepEqual(done, []);
});

const unable =
  "FailedMount: Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: ";
const refusals: readonly { readonly name: string; readonly world: World; readonly want: string }[] = [
  {
    name: "a claim that is not bound",
    world: { hostname: "n1", phase: "Pending" },
    want: "error processing PVC default/claim: PVC is not bound",
  },
  {
    name: "a volume of another claim",
    world: { hostname: "n1", spec: { claimRef: { uid: "c2" } } },
    want: "error processing PVC default/claim: found PV object pvc-1 but its pv.Spec.ClaimRef.UID c2 does not point to claim.UID c1",
  },
  {
    name: "a raw volume that is mounted",
    world: { hostname: "n1", spec: { claimRef: { uid: "c1" }, volumeMode: "Block" } },
    want: "volume data has volumeMode Block, but is specified in volumeMounts",
  },
];

for (const { name, world, want } of refusals) {
  test(`VolumeManager.mount() tells at once of ${name}`, async () => {
    assert.deepEqual(await eventsOf(fixture(world).volumes), [unable + want]);
  });
}

test("VolumeManager.mount() names the type that nothing here can make", async () => {
  const { volumes } = fixture({ hostname: "n1" });
  const iscsi = { targetPortal: "192.0.2.1:3260", iqn: "iqn.2000-01.com.example:a", lun: 0 };
  assert.deepEqual(await eventsOf(volumes, podWith({ name: "data", iscsi })), [
    `${unable}failed to get Plugin from volumeSpec for volume "data" err=no volume plugin matched: iscsi is not supported by this node`,
  ]);
});

test("VolumeManager.mount() makes only what a container uses", async () => {
  const { volumes } = fixture({ hostname: "n1", phase: "Pending" });
  const unused = testPod({ volumes: [{ name: "data", persistentVolumeClaim: { claimName: "claim" } }] });
  assert.deepEqual(await eventsOf(volumes, unused), ["mounted"]);
});

test("VolumeManager.mount() is silent about an attachment until it has taken too long", async () => {
  const { volumes, done, clock } = fixture({ hostname: "n1" });
  const inline = podWith({ name: "data", csi: { driver: "d" } });
  assert.deepEqual(await eventsOf(volumes, inline), []);
  volumes.sourcesChanged();
  assert.deepEqual(done, ["wake u1"]);
  clock.advance(122_999);
  assert.deepEqual(await eventsOf(volumes, inline), []);
  clock.advance(1);
  assert.deepEqual(await eventsOf(volumes, inline), [
    "FailedMount: Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[data], failed to process volumes=[]: context deadline exceeded",
  ]);
  assert.deepEqual(await eventsOf(volumes, inline), []);
});

test("VolumeManager.mount() gives up a pod whose volume finds no room on the node, once it has taken too long", async () => {
  const { volumes, clock } = fixture({ hostname: "n1", isExhausted: true });
  const inline = podWith({ name: "data", csi: { driver: "d" } });
  assert.deepEqual(await eventsOf(volumes, inline), []);
  clock.advance(123_000);
  await assert.rejects(volumes.mount(inline, sources, signal), {
    rejection: {
      reason: "VolumeAttachmentLimitExceeded",
      message:
        "Node has reached its volume attachment limit, rejecting pod. unmounted volumes=[data], unattached volumes=[data], failed to process volumes=[]: context deadline exceeded",
    },
  });
});
