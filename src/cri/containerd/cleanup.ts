/**
 * Removes what containers leave on a machine once their node is deleted: processes, mounts, sockets, cgroups.
 * Everything is found by paths below the node's own folders and cgroup, so that no other container is touched.
 * @module
 */
import { execFile } from "node:child_process";
import { readFile, readdir, realpath, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Clock } from "#apimachinery";
import { signalProcess } from "#component-base";
import { daemonPaths, type DaemonOptions } from "./daemon-config.ts";
import { CNI_CACHE_DIR, forgetNetworks } from "./network-records.ts";
import { findShims, SHIM_SOCKET_DIR, shimSocket } from "./shims.ts";

const run = promisify(execFile);

const CGROUP_ROOT = "/sys/fs/cgroup";
/** Shared by all of a machine: shims' sockets, and libcni's records; innermost first. */
const SHARED_DIRS = [SHIM_SOCKET_DIR, dirname(SHIM_SOCKET_DIR), CNI_CACHE_DIR];
const STEP_MS = 20;
const STEPS_MAX = 500;

export interface CleanupOptions extends Pick<DaemonOptions, "rootDir" | "stateDir"> {
  /** Cgroups (`/k8ts/NODE`) with all below them; processes in them are killed. */
  readonly cgroupParents: readonly string[];
  /** The node will start again, and takes down the networks of the sandboxes that it had: plugins want to be told what they made. */
  readonly keepsNetworkRecords?: boolean;
}

/**
 * Call after containerd has stopped. Idempotent. Leaves the folders themselves (now without mounts) to the caller.
 * Rejects when a process or mount resists, naming it.
 */
export async function cleanupNodeRuntime(
  options: CleanupOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const cgroups = await findCgroups(options.cgroupParents);
  // The kernel names mounts by their real paths.
  const folders = await Promise.all(
    [options.stateDir, options.rootDir].map((path) => realpath(path).catch(() => path)),
  );
  const { socket } = daemonPaths(options);
  const shims = await findShims(socket);
  const pids = shims.map(({ pid }) => pid);
  await killAll(() => containerProcesses(cgroups, options), clock, signal);
  await killAll(
    async () => (await findShims(socket)).map(({ pid }) => pid).filter((pid) => pids.includes(pid)),
    clock,
    signal,
  );
  await removeShimSockets(options);
  // of those without a bundle, which containerd has forgotten
  for (const { id } of shims) await rm(shimSocket(socket, id), { force: true });
  await unmountBelow(folders);
  await removeCgroups(cgroups, clock, signal);
  // by both names: containerd was told the one, the kernel knows the other
  const stateDirs = [options.stateDir, ...folders.slice(0, 1)];
  if (options.keepsNetworkRecords !== true)
    await forgetNetworks({ sandboxes: await sandboxes(options), folders: stateDirs });
  for (const folder of SHARED_DIRS) await removeIfEmpty(folder);
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((err: NodeJS.ErrnoException) => {
    if (err.code !== "ENOTEMPTY" && err.code !== "ENOENT") throw err;
  });
}

/** All processes in our cgroups, and the first ones of the containers that still have a bundle. */
async function containerProcesses(
  cgroups: readonly string[],
  options: CleanupOptions,
): Promise<readonly number[]> {
  const pids = new Set<number>();
  for (const cgroup of cgroups) {
    const text = await readFile(join(cgroup, "cgroup.procs"), "utf8").catch(() => "");
    for (const line of text.split("\n")) if (line !== "") pids.add(Number(line));
  }
  for (const bundle of await bundles(options)) {
    const pid = Number.parseInt(await readFile(join(bundle, "init.pid"), "utf8").catch(() => ""), 10);
    // The pid may be another's by now: a container's process has the bundle's id in the path of its cgroup.
    if (pid > 1 && (await isInContainer(pid, bundle))) pids.add(pid);
  }
  return [...pids];
}

async function isInContainer(pid: number, bundle: string): Promise<boolean> {
  const id = bundle.slice(bundle.lastIndexOf("/") + 1);
  const cgroup = await readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "");
  return cgroup.includes(id);
}

async function bundles({ stateDir }: CleanupOptions): Promise<readonly string[]> {
  const folder = join(stateDir, "containerd", "io.containerd.runtime.v2.task", "k8s.io");
  return (await readdir(folder).catch(() => [])).map((id) => join(folder, id));
}

async function killAll(
  find: () => Promise<readonly number[]>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let left: readonly number[] = [];
  for (let step = 0; step < STEPS_MAX; step++) {
    left = await find();
    if (left.length === 0) return;
    for (const pid of left) signalProcess(pid, "SIGKILL");
    await clock.sleep(STEP_MS, signal);
  }
  throw new Error(`Cannot kill the processes ${left.join(", ")}`);
}

/** Shims put their sockets outside the state folder; the bundle says where. */
async function removeShimSockets(options: CleanupOptions): Promise<void> {
  for (const bundle of await bundles(options)) {
    const address = await readFile(join(bundle, "address"), "utf8").catch(() => "");
    if (address.startsWith("unix://")) await rm(address.slice("unix://".length), { force: true });
  }
}

/** Innermost first, so that nothing is busy; lazily, as a killed process may not be gone to the last. */
export async function unmountBelow(folders: readonly string[]): Promise<void> {
  for (const path of mountsBelow(await readFile("/proc/self/mountinfo", "utf8"), folders))
    await run("umount", ["--lazy", path]);
}

/** Mount points below the folders, in the order in which to unmount them. */
export function mountsBelow(mountinfo: string, folders: readonly string[]): readonly string[] {
  const paths = mountinfo
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    // The kernel writes spaces and the like as octal numbers.
    .map((path) =>
      path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
        String.fromCodePoint(Number.parseInt(digits, 8)),
      ),
    );
  return paths.filter((path) => folders.some((folder) => path.startsWith(`${folder}/`))).toReversed();
}

/** Every cgroup at and below the parents, in each hierarchy, outermost first. */
async function findCgroups(parents: readonly string[]): Promise<readonly string[]> {
  const hierarchies = [CGROUP_ROOT];
  for (const entry of await readdir(CGROUP_ROOT, { withFileTypes: true }).catch(() => []))
    // Symbolic links lead to the same hierarchy under another name.
    if (entry.isDirectory()) hierarchies.push(join(CGROUP_ROOT, entry.name));
  const found: string[] = [];
  for (const hierarchy of hierarchies)
    for (const parent of parents) {
      if (!/^\/[^/.][^/]*/.test(parent))
        throw new Error(`Cannot clean up the cgroup ${parent}: not a path below the root`);
      await walk(join(hierarchy, parent), found);
    }
  return found;
}

async function walk(folder: string, into: string[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return;
  into.push(folder);
  for (const entry of entries) if (entry.isDirectory()) await walk(join(folder, entry.name), into);
}

async function removeCgroups(cgroups: readonly string[], clock: Clock, signal: AbortSignal): Promise<void> {
  for (const cgroup of cgroups.toReversed())
    for (let step = 0; ; step++) {
      const code = await rmdir(cgroup).then(
        () => undefined,
        (err: NodeJS.ErrnoException) => err.code ?? "unknown",
      );
      if (code === undefined || code === "ENOENT") break;
      // Busy until the kernel has buried its last process.
      if (step >= STEPS_MAX) throw new Error(`Cannot remove the cgroup ${cgroup}: ${code}`);
      await clock.sleep(STEP_MS, signal);
    }
}

/** Ids of those that containerd has kept a folder of. */
async function sandboxes({ rootDir }: CleanupOptions): Promise<ReadonlySet<string>> {
  const folder = join(rootDir, "containerd", "io.containerd.grpc.v1.cri", "sandboxes");
  return new Set(await readdir(folder).catch(() => []));
}
