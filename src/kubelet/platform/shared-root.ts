/** Makes kubelet's folder a shared mount: what containers mount below it can reach the node, and the other way round. @module */
import { execFile } from "node:child_process";
import { readFile, realpath } from "node:fs/promises";
import { promisify } from "node:util";
import { parseMountInfo } from "../volumes/mounts.ts";

const run = promisify(execFile);
const COMMAND_TIMEOUT_MS = 30_000;

/**
 * Where the machine's mounts are private, the folder is mounted onto itself, with what is mounted below it; runtimes refuse
 * `HostToContainer` and `Bidirectional` mounts of private folders. Idempotent. The mount stays when kubelet ends, as upstream.
 */
export async function makeRShared(folder: string): Promise<void> {
  const path = await realpath(folder);
  if (isShared(await readFile("/proc/self/mountinfo", "utf8"), path)) return;
  try {
    await run("mount", ["--no-canonicalize", "--rbind", "--make-rshared", path, path], {
      timeout: COMMAND_TIMEOUT_MS,
    });
  } catch (err) {
    const { stderr = "" } = err as { readonly stderr?: string };
    throw new Error(`failed to make ${path} a shared mount: ${stderr.trim()}`, { cause: err });
  }
}

/** Whether the mount that holds `path`, the last one of those that lie on top of each other, is shared. Pure. */
export function isShared(mountinfo: string, path: string): boolean {
  let holder = { point: "", shared: false };
  for (const line of mountinfo.split("\n")) {
    const [point] = parseMountInfo(line);
    if (point === undefined || point.length < holder.point.length) continue;
    if (path !== point && !path.startsWith(point === "/" ? point : `${point}/`)) continue;
    const [optional = ""] = line.split(" - ");
    holder = { point, shared: optional.split(" ").some((field) => field.startsWith("shared:")) };
  }
  return holder.shared;
}
