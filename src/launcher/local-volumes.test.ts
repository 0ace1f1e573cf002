import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LOCAL_PATH_RECORDS } from "#api/core/v1/local-path-volumes";
import { removeLocalVolumes } from "./local-volumes.ts";

/** A machine with the folders of volumes, and a kubelet that has mounted those that are noted. */
async function machine(dir: string, folders: readonly string[], noted: readonly string[]): Promise<void> {
  await mkdir(join(dir, "kubelet", LOCAL_PATH_RECORDS), { recursive: true });
  for (const name of noted) await writeFile(join(dir, "kubelet", LOCAL_PATH_RECORDS, name), "");
  for (const name of folders) {
    await mkdir(join(dir, "k8ts/volumes", name), { recursive: true });
    await writeFile(join(dir, "k8ts/volumes", name, "data"), "kept\n");
  }
}

const remove = (dir: string): Promise<void> =>
  removeLocalVolumes(join(dir, "kubelet"), join(dir, "k8ts/volumes"));

test("removeLocalVolumes() removes the volumes of its kubelet, and no other's", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "k8ts-launcher-"));
  await machine(dir.path, ["pvc-1", "pvc-2"], ["pvc-1", "pvc-gone"]);
  await remove(dir.path);
  assert.equal(existsSync(join(dir.path, "k8ts/volumes/pvc-1")), false);
  assert.equal(existsSync(join(dir.path, "k8ts/volumes/pvc-2/data")), true);
});

test("removeLocalVolumes() leaves no empty folder, and goes by names of volumes alone", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "k8ts-launcher-"));
  await machine(dir.path, ["pvc-1"], ["pvc-1", "..."]);
  await remove(dir.path);
  assert.equal(existsSync(join(dir.path, "k8ts")), false);
  assert.equal(existsSync(join(dir.path, "kubelet")), true);
});

test("removeLocalVolumes() has nothing to do for a kubelet that mounted none", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "k8ts-launcher-"));
  await remove(dir.path);
  await machine(dir.path, ["pvc-1"], []);
  await remove(dir.path);
  assert.equal(existsSync(join(dir.path, "k8ts/volumes/pvc-1/data")), true);
});
