import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FakeClock, forbidden, notFound, silentLogger } from "#apimachinery";
import type { Client } from "#client";
import type { PersistentVolume } from "#api/core/v1/types.gen";
import { linuxVolumes } from "./linux-volumes.ts";
import { LocalPathVolumes } from "./local-path-volumes.ts";

const signal = new AbortController().signal;
const MINUTE_MS = 60_000;
let folder = "";
before(async () => void (folder = await mkdtemp(join(tmpdir(), "k8ts-kubelet-localpath-"))));
after(() => rm(folder, { recursive: true }));

let count = 0;

/** A node with an API that knows the volumes in `known`. */
async function fixture() {
  const base = join(folder, `${++count}`);
  const root = `${base}/volumes`;
  await mkdir(root, { recursive: true });
  const clock = new FakeClock();
  const known = new Map<string, PersistentVolume>();
  const state = { failure: undefined as Error | undefined, gets: 0 };
  const get = async (_kind: unknown, { name }: { name: string }): Promise<PersistentVolume> => {
    state.gets += 1;
    if (state.failure !== undefined) throw state.failure;
    const found = known.get(name);
    if (found === undefined) throw notFound({ group: "", resource: "persistentvolumes" }, name);
    return found;
  };
  const client = { get } as unknown as Pick<Client, "get">;
  const open = (): LocalPathVolumes =>
    new LocalPathVolumes({
      client,
      host: linuxVolumes(),
      clock,
      logger: silentLogger,
      rootDir: `${base}/kubelet`,
      root,
    });
  /** The folder of a volume that a pod has used and left. */
  const make = async (volumes: LocalPathVolumes, name: string, policy = "Delete"): Promise<void> => {
    const volume: PersistentVolume = {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name, annotations: { "pv.kubernetes.io/provisioned-by": "k8ts.io/local-path" } },
      spec: { hostPath: { path: `${root}/${name}` }, persistentVolumeReclaimPolicy: policy },
    };
    known.set(name, volume);
    await volumes.mounting("u1", volume);
    await mkdir(`${root}/${name}`, { recursive: true });
    await writeFile(`${root}/${name}/data`, "precious");
  };
  return { base, root, clock, known, state, open, make };
}

test("LocalPathVolumes.sweep() removes the folder of a volume that is gone, after a restart too", async () => {
  const { root, clock, known, open, make } = await fixture();
  await make(open(), "pvc-1");
  known.clear();
  const volumes = open();
  clock.advance(10 * MINUTE_MS - 1);
  await volumes.sweep(signal);
  assert.equal(existsSync(`${root}/pvc-1/data`), true);
  clock.advance(1);
  await volumes.sweep(signal);
  assert.equal(existsSync(`${root}/pvc-1`), false);
});

test("LocalPathVolumes.sweep() leaves what exists, what pods use, and what this node never mounted", async () => {
  const { root, clock, known, open, make } = await fixture();
  const volumes = open();
  await make(volumes, "pvc-1");
  await mkdir(`${root}/pvc-foreign`);
  clock.advance(60 * MINUTE_MS);
  await volumes.sweep(signal);
  known.clear();
  clock.advance(60 * MINUTE_MS);
  await volumes.sweep(signal);
  assert.deepEqual(readdirSync(root), ["pvc-1", "pvc-foreign"]);
  volumes.unmounted("u1");
  await volumes.sweep(signal);
  assert.deepEqual(readdirSync(root), ["pvc-foreign"]);
});

test("LocalPathVolumes.sweep() counts the ten minutes from when the volume was last there", async () => {
  const { root, clock, known, open, make } = await fixture();
  const volumes = open();
  await make(volumes, "pvc-1");
  volumes.unmounted("u1");
  clock.advance(60 * MINUTE_MS);
  await volumes.sweep(signal);
  known.clear();
  clock.advance(5 * MINUTE_MS);
  await volumes.sweep(signal);
  assert.equal(existsSync(`${root}/pvc-1/data`), true);
});

test("LocalPathVolumes.sweep() leaves the data of a volume that was retained, and forgets it", async () => {
  const { root, clock, known, state, open, make } = await fixture();
  const volumes = open();
  await make(volumes, "pvc-1");
  volumes.unmounted("u1");
  const { spec, ...volume } = known.get("pvc-1")!;
  known.set("pvc-1", { ...volume, spec: { ...spec, persistentVolumeReclaimPolicy: "Retain" } });
  await volumes.sweep(signal);
  known.clear();
  clock.advance(60 * MINUTE_MS);
  await volumes.sweep(signal);
  assert.equal(existsSync(`${root}/pvc-1/data`), true);
  const { gets } = state;
  await volumes.sweep(signal);
  assert.equal(state.gets, gets);
});

test("LocalPathVolumes.sweep() removes nothing when the API does not answer", async () => {
  const { root, clock, state, open, make } = await fixture();
  const volumes = open();
  await make(volumes, "pvc-1");
  volumes.unmounted("u1");
  clock.advance(60 * MINUTE_MS);
  state.failure = new Error("connect ECONNREFUSED");
  await assert.rejects(volumes.sweep(signal), { message: "connect ECONNREFUSED" });
  assert.equal(existsSync(`${root}/pvc-1/data`), true);
});

test("LocalPathVolumes.sweep() leaves a volume that it may not ask about, and goes on", async () => {
  const { root, clock, state, open, make } = await fixture();
  const volumes = open();
  await make(volumes, "pvc-1");
  await make(volumes, "pvc-2");
  volumes.unmounted("u1");
  clock.advance(60 * MINUTE_MS);
  state.failure = forbidden({ group: "", resource: "persistentvolumes" }, "pvc-1", "no relationship");
  await volumes.sweep(signal);
  assert.equal(state.gets, 2);
  assert.equal(existsSync(`${root}/pvc-1/data`), true);
});

test("LocalPathVolumes.sweep() removes a link that stands in a volume's place, and follows none", async () => {
  const { base, root, clock, known, open, make } = await fixture();
  const volumes = open();
  await make(volumes, "pvc-1");
  await make(volumes, "pvc-2");
  await mkdir(`${base}/outside`);
  await writeFile(`${base}/outside/data`, "precious");
  await rm(`${root}/pvc-1`, { recursive: true });
  await symlink(`${base}/outside`, `${root}/pvc-1`);
  await symlink(`${base}/outside`, `${root}/pvc-2/link`);
  volumes.unmounted("u1");
  known.clear();
  clock.advance(60 * MINUTE_MS);
  await volumes.sweep(signal);
  assert.deepEqual(readdirSync(root), []);
  assert.equal(existsSync(`${base}/outside/data`), true);
});

test("LocalPathVolumes.sweep() asks about 50 volumes at most, and goes on after them", async () => {
  const { root, clock, known, state, open, make } = await fixture();
  const volumes = open();
  for (let at = 0; at < 60; at += 1) await make(volumes, `pvc-${at}`);
  volumes.unmounted("u1");
  known.clear();
  clock.advance(60 * MINUTE_MS);
  await volumes.sweep(signal);
  assert.equal(state.gets, 50);
  assert.equal(readdirSync(root).length, 10);
  await volumes.sweep(signal);
  assert.equal(readdirSync(root).length, 0);
});
