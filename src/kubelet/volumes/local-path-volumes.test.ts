import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { Client } from "#client";
import type { Node, PersistentVolume } from "#api/core/v1/types.gen";
import { linuxVolumes } from "./linux-volumes.ts";
import { LocalPathVolumes } from "./local-path-volumes.ts";

const signal = new AbortController().signal;
const FIRST_SWEEP_MS = 15_000;
const PREFIX = "released.local-path.k8ts.io/";
let folder = "";
before(async () => void (folder = await mkdtemp(join(tmpdir(), "k8ts-kubelet-localpath-"))));
after(() => rm(folder, { recursive: true }));

let count = 0;

/** A node with an API that shows it; `told` is what the provisioner has said so far. */
async function fixture() {
  const base = join(folder, `${++count}`);
  const root = `${base}/volumes`;
  await mkdir(root, { recursive: true });
  const clock = new FakeClock();
  const told = new Map<string, string>();
  const state = { failure: undefined as Error | undefined };
  const acknowledged = Promise.withResolvers<void>();
  const node = (): Node => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "n", uid: "u", annotations: Object.fromEntries(told) },
  });
  const patch = async (_kind: unknown, ref: object, sent: { readonly body: unknown }): Promise<Node> => {
    if (state.failure !== undefined) throw state.failure;
    const { metadata } = sent.body as { metadata: { uid: string; annotations: Record<string, null> } };
    assert.deepEqual([ref, metadata.uid], [{ name: "n" }, "u"]);
    for (const key of Object.keys(metadata.annotations)) told.delete(key);
    acknowledged.resolve();
    return node();
  };
  const client = { patch } as unknown as Pick<Client, "patch">;
  const files = { host: linuxVolumes(), rootDir: `${base}/kubelet`, root };
  const open = (): LocalPathVolumes =>
    new LocalPathVolumes({ client, node, clock, logger: silentLogger, ...files });
  /** The folder of a volume that a pod uses. */
  const make = async (volumes: LocalPathVolumes, name: string): Promise<void> => {
    const volume: PersistentVolume = {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name, annotations: { "pv.kubernetes.io/provisioned-by": "k8ts.io/local-path" } },
      spec: { hostPath: { path: `${root}/${name}` }, persistentVolumeReclaimPolicy: "Delete" },
    };
    await volumes.mounting("u1", volume);
    await writeFile(`${root}/${name}/data`, "precious");
  };
  const release = (name: string): void => void told.set(PREFIX + name, "Delete");
  return { base, root, clock, told, state, acknowledged, open, make, release };
}

test("LocalPathVolumes.sweep() removes the folder of a volume that was given up, after a restart too", async () => {
  const { root, told, open, make, release } = await fixture();
  await make(open(), "pvc-1");
  const volumes = open();
  await volumes.sweep(signal);
  assert.equal(existsSync(`${root}/pvc-1/data`), true);
  release("pvc-1");
  await volumes.sweep(signal);
  assert.equal(existsSync(`${root}/pvc-1`), false);
  assert.equal(told.size, 0);
});

test("LocalPathVolumes.sweep() leaves what pods use, what nobody gave up, and what this node never mounted", async () => {
  const { root, told, open, make, release } = await fixture();
  const volumes = open();
  await make(volumes, "pvc-1");
  await make(volumes, "pvc-2");
  await mkdir(`${root}/pvc-foreign`);
  release("pvc-1");
  release("pvc-foreign");
  await volumes.sweep(signal);
  assert.deepEqual(readdirSync(root), ["pvc-1", "pvc-2", "pvc-foreign"]);
  assert.deepEqual([...told.keys()], [`${PREFIX}pvc-1`]);
  volumes.unmounted("u1");
  await volumes.sweep(signal);
  assert.deepEqual(readdirSync(root), ["pvc-2", "pvc-foreign"]);
});

test("LocalPathVolumes.sweep() does nothing for another policy, nor for what is no name of a volume", async () => {
  const { base, root, told, open, make } = await fixture();
  const volumes = open();
  await make(volumes, "pvc-1");
  volumes.unmounted("u1");
  told.set(`${PREFIX}pvc-1`, "Retain");
  told.set(`${PREFIX}..`, "Delete");
  await volumes.sweep(signal);
  assert.equal(existsSync(`${root}/pvc-1/data`), true);
  assert.equal(existsSync(`${base}/kubelet`), true);
});

test("LocalPathVolumes.sweep() finds nothing to do when its word did not get through", async () => {
  const { root, told, state, open, make, release } = await fixture();
  const volumes = open();
  await make(volumes, "pvc-1");
  volumes.unmounted("u1");
  release("pvc-1");
  state.failure = new Error("connect ECONNREFUSED");
  await assert.rejects(volumes.sweep(signal), { message: "connect ECONNREFUSED" });
  state.failure = undefined;
  await mkdir(`${root}/pvc-1`);
  await volumes.sweep(signal);
  assert.equal(existsSync(`${root}/pvc-1`), true, "it is another's now");
  assert.equal(told.size, 0);
});

test("LocalPathVolumes.sweep() removes a link that stands in a volume's place, and follows none", async () => {
  const { base, root, open, make, release } = await fixture();
  const volumes = open();
  await make(volumes, "pvc-1");
  await make(volumes, "pvc-2");
  await mkdir(`${base}/outside`);
  await writeFile(`${base}/outside/data`, "precious");
  await rm(`${root}/pvc-1`, { recursive: true });
  await symlink(`${base}/outside`, `${root}/pvc-1`);
  await symlink(`${base}/outside`, `${root}/pvc-2/link`);
  volumes.unmounted("u1");
  release("pvc-1");
  release("pvc-2");
  await volumes.sweep(signal);
  assert.deepEqual(readdirSync(root), []);
  assert.equal(existsSync(`${base}/outside/data`), true);
});

test("LocalPathVolumes.run() waits for the pods of this node to be known, and forgets what is there no more", async () => {
  const { base, root, clock, acknowledged, open, make, release } = await fixture();
  const records = `${base}/kubelet/plugins/k8ts.io~local-path`;
  const earlier = open();
  await make(earlier, "pvc-1");
  await make(earlier, "pvc-2");
  await make(earlier, "pvc-3");
  await rm(`${root}/pvc-2`, { recursive: true });
  release("pvc-1");
  const volumes = open();
  const ending = new AbortController();
  const running = volumes.run(ending.signal);
  volumes.nodeChanged();
  clock.advance(FIRST_SWEEP_MS - 1);
  assert.equal(existsSync(`${root}/pvc-1/data`), true);
  clock.advance(1);
  await acknowledged.promise;
  assert.deepEqual(readdirSync(root), ["pvc-3"]);
  assert.deepEqual(readdirSync(records), ["pvc-3"]);
  ending.abort();
  await running;
});
