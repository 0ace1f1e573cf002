/** What the kernel tells of cgroups: their limits, and what is used of them. @module */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#apimachinery";
import type { CgroupResources, PodsMemory } from "../platform/platform.ts";
import { READ_V1, READ_V2, resourcesV1, resourcesV2 } from "./settings.ts";

type Version = 1 | 2;

export async function readPodCgroup(
  version: Version,
  mountPoint: string,
  path: string,
): Promise<CgroupResources> {
  if (version === 2)
    return resourcesV2(await Promise.all(READ_V2.map((file) => readText(join(mountPoint, path, file)))));
  const files = READ_V1.map(([tree, file]) => readText(join(mountPoint, tree, path, file)));
  return resourcesV1(await Promise.all(files));
}

export async function readProcesses(
  version: Version,
  mountPoint: string,
  path: string,
): Promise<number | undefined> {
  const text = await readText(join(mountPoint, version === 2 ? "" : "pids", path, "pids.current"));
  return text === "" ? undefined : Number(text);
}

/** What is used and could not be given back. */
export async function readMemory(
  version: Version,
  mountPoint: string,
  path: string,
  clock: Clock,
): Promise<PodsMemory | undefined> {
  const dir = join(mountPoint, version === 2 ? "" : "memory", path);
  const names =
    version === 2 ? ["memory.current", "memory.max"] : ["memory.usage_in_bytes", "memory.limit_in_bytes"];
  const [usage = "", limit = "", stat = ""] = await Promise.all(
    [...names, "memory.stat"].map((name) => readText(join(dir, name))),
  );
  if (usage === "") return undefined;
  const key = version === 2 ? "inactive_file" : "total_inactive_file";
  const inactive = Number(new RegExp(`^${key} (\\d+)$`, "mu").exec(stat)?.[1] ?? 0);
  const limitBytes = Number(limit);
  return {
    time: clock.now(),
    workingSetBytes: Math.max(0, Number(usage) - inactive),
    ...(limitBytes > 0 && limitBytes < Number.MAX_SAFE_INTEGER && { limitBytes }),
  };
}

/** "" for what is not there. */
async function readText(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw err;
  }
}
