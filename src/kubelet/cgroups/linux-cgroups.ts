/** The pods' cgroups with the cgroupfs driver, on version 1 (one tree per controller) and version 2 (one tree). @module */
import { access, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Logger } from "#apimachinery";
import type { CgroupResources, CgroupUsage, PodCgroups, QOSClass } from "../platform/platform.ts";
import { readMemory, readPodCgroup, readProcesses } from "./read-cgroups.ts";
import { readDetails } from "./read-details.ts";
import { readUsage } from "./read-usage.ts";
import { noCgroups } from "./no-cgroups.ts";
import { settingsV1, settingsV2, type Setting } from "./settings.ts";

export interface LinuxCgroupsOptions {
  /** Parent of `kubepods`. */
  readonly root: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where cgroups are mounted; for tests. */
  readonly mountPoint?: string;
}

const V1_CONTROLLERS = ["cpu", "memory", "pids", "hugetlb"] as const;
const QOS_FOLDERS: readonly string[] = ["", "burstable", "besteffort"];
const POD_FOLDER = /^pod([0-9a-zA-Z-]+)$/u;
/** A killed process needs a moment to leave its cgroup. */
const REMOVE_TRIES_MAX = 20;
const REMOVE_WAIT_MS = 50;

export function linuxCgroups(options: LinuxCgroupsOptions): PodCgroups {
  const { root, clock, logger, mountPoint = "/sys/fs/cgroup" } = options;
  const base = join("/", root, "kubepods");
  /** Undefined until the first use; false when nothing can be written. */
  let layout: Promise<Layout | undefined> | undefined;
  const ready = (): Promise<Layout | undefined> => (layout ??= detect(mountPoint, base, logger));

  const apply = async (path: string, resources: CgroupResources): Promise<void> => {
    const found = await ready();
    if (found === undefined) return;
    for (const tree of found.trees) await mkdir(join(tree.dir, path), { recursive: true });
    if (found.version === 2) await delegate(found.trees[0]!.dir, path, logger);
    for (const setting of settingsFor(found, resources)) {
      try {
        await write(found, path, setting);
      } catch (err) {
        // A machine without that controller runs pods all the same.
        logger.debug("Cgroup setting was refused", { path, file: setting.file, err });
      }
    }
  };

  return {
    ensureRoot: async (allocatable) => {
      await apply(base, allocatable);
      await apply(join(base, "besteffort"), { cpuShares: 2 });
      await apply(join(base, "burstable"), {});
    },
    ...existingCgroups(ready, base),
    ...readableCgroups(ready, { mountPoint, base, clock }),
    async ensurePod(uid, qos, resources) {
      const path = podPath(base, uid, qos);
      const found = await ready();
      if (found === undefined) return "";
      // What is there may be in the middle of a resize: only that changes it.
      if (!(await exists(join(found.trees[0]!.dir, path)))) await apply(path, resources);
      return path;
    },
    async updatePod(uid, qos, resources) {
      const found = await ready();
      if (found === undefined) return;
      const path = podPath(base, uid, qos);
      for (const setting of settingsFor(found, resources)) await write(found, path, setting);
    },
    updateQOS: (qos, resources) => apply(join(base, qos.toLowerCase()), resources),
    async removePod(uid) {
      const found = await ready();
      for (const qos of QOS_FOLDERS) {
        for (const dir of found?.removeDirs ?? [])
          await removeCgroup(join(dir, base, qos, `pod${uid}`), clock);
      }
    },
  };
}

/** What the kernel tells of them. */
function readableCgroups(
  ready: () => Promise<Layout | undefined>,
  { mountPoint, base, clock }: { readonly mountPoint: string; readonly base: string; readonly clock: Clock },
): Pick<
  PodCgroups,
  "readPod" | "podProcesses" | "usage" | "details" | "version" | "podsMemory" | "listPods"
> {
  return {
    version: async () => (await ready())?.version,
    async details(uid, qos, containerIds) {
      const found = await ready();
      const path = podPath(base, uid, qos);
      const details = containerIds.flatMap((id) => {
        const one = found && readDetails(found.version, mountPoint, join(path, id));
        return one === undefined ? [] : [[id, one] as const];
      });
      return new Map(details);
    },
    async readPod(uid, qos) {
      const found = await ready();
      return found === undefined ? {} : readPodCgroup(found.version, mountPoint, podPath(base, uid, qos));
    },
    async podProcesses(uid, qos) {
      const found = await ready();
      if (found === undefined) return undefined;
      return readProcesses(found.version, mountPoint, podPath(base, uid, qos));
    },
    async usage(uid, qos, containerIds) {
      const found = await ready();
      if (found === undefined) return undefined;
      const path = podPath(base, uid, qos);
      const read = (id: string): CgroupUsage | undefined =>
        readUsage(found.version, mountPoint, join(path, id));
      const pod = read("");
      if (pod === undefined) return undefined;
      const containers = containerIds.flatMap((id) => {
        const usage = read(id);
        return usage === undefined ? [] : [[id, usage] as const];
      });
      return { time: clock.now(), pod, containers: new Map(containers) };
    },
    async podsMemory() {
      const found = await ready();
      if (found === undefined) return undefined;
      return readMemory(found.version, mountPoint, base, clock);
    },
    async listPods() {
      const found = await ready();
      return found === undefined ? [] : podsIn(join(found.trees[0]!.dir, base));
    },
  };
}

/** What is bounded without being made. */
function existingCgroups(
  ready: () => Promise<Layout | undefined>,
  base: string,
): Pick<PodCgroups, "updateRoot" | "updateExisting"> {
  return {
    async updateRoot(resources) {
      const found = await ready();
      if (found === undefined) return false;
      for (const setting of settingsFor(found, resources)) await write(found, base, setting);
      return true;
    },
    async updateExisting(path, resources) {
      const found = await ready();
      if (found === undefined) return noCgroups.updateExisting(path, resources);
      const settings = settingsFor(found, resources);
      await checkExists(found, path, settings);
      for (const setting of settings) await write(found, path, setting);
    },
  };
}

interface Layout {
  readonly version: 1 | 2;
  readonly trees: readonly { readonly controller: string; readonly dir: string }[];
  /** What the machine can bound. */
  readonly controllers: ReadonlySet<string>;
  /** Every hierarchy, also those in which only the runtime makes cgroups. */
  readonly removeDirs: readonly string[];
}

async function podsIn(dir: string): Promise<readonly string[]> {
  const uids = new Set<string>();
  for (const qos of QOS_FOLDERS) {
    for (const name of await foldersOf(join(dir, qos))) {
      const uid = POD_FOLDER.exec(name)?.[1];
      if (uid !== undefined) uids.add(uid);
    }
  }
  return [...uids];
}

function podPath(base: string, uid: string, qos: QOSClass): string {
  return qos === "Guaranteed" ? join(base, `pod${uid}`) : join(base, qos.toLowerCase(), `pod${uid}`);
}

async function detect(mountPoint: string, base: string, logger: Logger): Promise<Layout | undefined> {
  try {
    const unified = await readFile(join(mountPoint, "cgroup.controllers"), "utf8").catch(() => undefined);
    const version = unified === undefined ? 1 : 2;
    const names = version === 2 ? [""] : V1_CONTROLLERS;
    const trees = [];
    for (const controller of names) {
      const dir = join(mountPoint, controller);
      if (await exists(dir)) trees.push({ controller, dir });
    }
    if (trees.length === 0) throw new Error(`No cgroup controllers under ${mountPoint}`);
    for (const { dir } of trees) await mkdir(join(dir, base), { recursive: true });
    const all =
      version === 2 ? [mountPoint] : (await foldersOf(mountPoint)).map((name) => join(mountPoint, name));
    const controllers = new Set(unified?.trim().split(/\s+/u) ?? trees.map(({ controller }) => controller));
    return { version, trees, controllers, removeDirs: all };
  } catch (err) {
    logger.warn("Cgroups cannot be written, pods run without limits of their own", { root: base, err });
    return undefined;
  }
}

/** On version 2 every level above a leaf must hand its controllers down. */
async function delegate(dir: string, path: string, logger: Logger): Promise<void> {
  const parts = path.split("/").filter((part) => part !== "");
  for (let depth = 0; depth < parts.length; depth++) {
    const file = join(dir, ...parts.slice(0, depth), "cgroup.subtree_control");
    // Not every machine has the later ones, and one that is missing fails all of its write.
    for (const controllers of ["+cpu +memory +pids", "+cpuset", "+hugetlb"]) {
      try {
        await writeFile(file, controllers);
      } catch (err) {
        logger.debug("Cgroup controllers are not delegated", { file, controllers, err });
      }
    }
  }
}

/** Without the controllers that the machine lacks: it runs pods all the same. */
function settingsFor({ version, controllers }: Layout, resources: CgroupResources): readonly Setting[] {
  const settings = version === 2 ? settingsV2(resources) : settingsV1(resources);
  return settings.filter(({ controller }) => controllers.has(controller));
}

/** Nothing is made for others. */
async function checkExists(layout: Layout, path: string, settings: readonly Setting[]): Promise<void> {
  const missing: string[] = [];
  for (const controller of new Set(settings.map((setting) => setting.controller))) {
    const dir = layout.trees.find((one) => one.controller === controller || layout.version === 2)?.dir ?? "";
    if (!(await exists(join(dir, path)))) missing.push(join(dir, path));
  }
  if (missing.length === 0) return;
  throw new Error(`cgroup ${JSON.stringify(path)} has some missing paths: ${missing.join(", ")}`);
}

async function write(layout: Layout, path: string, { controller, file, value }: Setting): Promise<void> {
  const tree = layout.trees.find((one) => one.controller === controller || layout.version === 2);
  if (tree === undefined) return;
  try {
    await writeFile(join(tree.dir, path, file), value);
  } catch (err) {
    throw new Error(`Cannot write ${value} to ${file} of cgroup ${path}`, { cause: err });
  }
}

async function removeCgroup(dir: string, clock: Clock): Promise<void> {
  if (!(await exists(dir))) return;
  for (let tries = 1; ; tries++) {
    try {
      for (const child of await foldersOf(dir)) await removeCgroup(join(dir, child), clock);
      await rmdir(dir);
      return;
    } catch (err) {
      const { code } = err as NodeJS.ErrnoException;
      if (code === "ENOENT") return;
      if (code !== "EBUSY" || tries === REMOVE_TRIES_MAX) {
        throw new Error(`Cannot remove cgroup ${dir}`, { cause: err });
      }
    }
    await killAll(dir);
    await new Promise<void>((resolve) => void clock.after(REMOVE_WAIT_MS, resolve));
  }
}

async function killAll(dir: string): Promise<void> {
  const text = await readFile(join(dir, "cgroup.procs"), "utf8").catch(() => "");
  for (const pid of text.split("\n").map(Number)) {
    if (!Number.isInteger(pid) || pid <= 1) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch (err) {
      // It has ended meanwhile.
      if ((err as NodeJS.ErrnoException).code !== "ESRCH") throw err;
    }
  }
}

async function foldersOf(dir: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw err;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
