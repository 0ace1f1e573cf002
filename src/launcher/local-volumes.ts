/** The data of local-path volumes: it lies outside of the profile, and goes with the nodes that have it. @module */
import { readdir, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isVolumeName, LOCAL_PATH_RECORDS, LOCAL_PATH_ROOT } from "#api/core/v1/local-path-volumes";

/**
 * Removes what the kubelet with this folder has mounted; other clusters' volumes may lie beside them. `kubeletDir` is that of a node
 * that has stopped, and says nothing of them any more once it is removed.
 */
export async function removeLocalVolumes(kubeletDir: string, root: string = LOCAL_PATH_ROOT): Promise<void> {
  const names = await readdir(join(kubeletDir, LOCAL_PATH_RECORDS)).catch(noneIfMissing);
  for (const name of names.filter(isVolumeName)) {
    await rm(join(root, name), { recursive: true, force: true });
  }
  if (names.length === 0) return;
  for (const dir of [root, dirname(root)]) await removeIfEmpty(dir);
}

export async function removeIfEmpty(dir: string): Promise<void> {
  await rmdir(dir).catch((err: NodeJS.ErrnoException) => {
    if (err.code !== "ENOTEMPTY" && err.code !== "ENOENT" && err.code !== "EEXIST") throw err;
  });
}

function noneIfMissing(err: NodeJS.ErrnoException): readonly string[] {
  if (err.code === "ENOENT") return [];
  throw err;
}
