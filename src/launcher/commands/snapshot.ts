/** `k8ts snapshot`: saves what a cluster has stored, and brings it back. @module */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { formatTime } from "#apimachinery";
import {
  restoreSnapshot,
  saveSnapshot,
  SnapshotCorrupt,
  verifySnapshot,
  type SnapshotManifest,
  type StoreLocation,
} from "#storage";
import type { LauncherContext } from "../launcher-context.ts";
import { profilePaths, type LauncherEnv } from "../paths.ts";
import { requireProfile, type Profile } from "../profile.ts";
import { programState } from "../program-state.ts";
import { EXIT, UserError } from "../user-error.ts";

/** While the cluster runs, or while it is stopped. */
export async function snapshotSave(
  context: LauncherContext,
  name: string,
  file: string,
): Promise<SnapshotManifest> {
  const { env, clock } = context;
  const profile = await requireProfile(env, name);
  const version = await ownVersion(env);
  const createdAt = formatTime(clock.now());
  const save = (): Promise<SnapshotManifest> =>
    saveSnapshot(locationOf(env, profile), resolve(file), { version, createdAt });
  try {
    return await context.progress.step(`Saving the cluster "${name}"`, save);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "EEXIST") throw err;
    const fix = "another name, or remove the file";
    const options = { id: "SNAPSHOT_EXISTS", exitCode: EXIT.cannotCreate, fix, cause: err };
    throw new UserError(`${file} exists already`, options);
  }
}

/** The cluster must be stopped; what it had is kept beside. Resolves with where. */
export async function snapshotRestore(
  context: LauncherContext,
  name: string,
  file: string,
): Promise<string | undefined> {
  const { env, clock, progress } = context;
  const profile = await requireProfile(env, name);
  const { childPid } = await programState(join(profilePaths(env, name).dir, "pids"), "server");
  const option = name === "k8ts" ? "" : ` -p ${name}`;
  if (childPid !== undefined) {
    throw new UserError(`the cluster "${name}" is running`, {
      id: "CLUSTER_RUNNING",
      exitCode: EXIT.unavailable,
      fix: `k8ts stop${option}, then restore, then k8ts start${option}`,
    });
  }
  const suffix = `before-restore-${formatTime(clock.now()).replaceAll(":", "")}`;
  const restore = () => restoreSnapshot(locationOf(env, profile), resolve(file), suffix);
  try {
    return (await progress.step(`Restoring the cluster "${name}"`, restore)).kept;
  } catch (err) {
    throw unusable(file, err);
  }
}

export async function snapshotStatus(file: string): Promise<SnapshotManifest> {
  try {
    return await verifySnapshot(resolve(file));
  } catch (err) {
    throw unusable(file, err);
  }
}

function unusable(file: string, err: unknown): unknown {
  if (err instanceof SnapshotCorrupt)
    return new UserError(err.message, { id: "SNAPSHOT_CORRUPT", exitCode: EXIT.config, cause: err });
  if ((err as NodeJS.ErrnoException).code === "ENOENT")
    return new UserError(`there is no file ${file}`, { id: "SNAPSHOT_NOT_FOUND", exitCode: EXIT.notFound });
  return err;
}

function locationOf(env: LauncherEnv, profile: Profile): StoreLocation {
  const etcd = profile.extraConfig?.find(
    ({ component, flag }) => component === "apiserver" && flag === "etcd-servers",
  );
  if (etcd !== undefined) return { etcdEndpoints: etcd.value.split(",") };
  return { dataDir: profilePaths(env, profile.name).data };
}

async function ownVersion(env: LauncherEnv): Promise<string> {
  const text = await readFile(join(env.installDir, "package.json"), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
