/** What this machine offers to containerd, found by trying. @module */
import { execFile } from "node:child_process";
import { access, constants, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { CNI_BIN_DIR, type DaemonOptions, type Machine } from "./daemon-config.ts";

const run = promisify(execFile);

/** Bit of CAP_SYS_RESOURCE in a set of capabilities. */
const SYS_RESOURCE = 24n;

/** Program → Debian's package. */
const PROGRAMS: Readonly<Record<string, string>> = {
  containerd: "containerd",
  "containerd-shim-runc-v2": "containerd",
  runc: "runc",
  mount: "mount",
  nsenter: "util-linux",
};
const CNI_PLUGINS = ["bridge", "host-local", "loopback", "portmap"];
const CNI_PACKAGE = "containernetworking-plugins";
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Something that a node needs is not installed. */
export class MissingProgramsError extends Error {
  override readonly name = "MissingProgramsError";
  readonly packages: readonly string[];

  constructor(missing: readonly string[], packages: readonly string[]) {
    const install = `apt-get install -y --no-install-recommends ${packages.join(" ")}`;
    super(`Cannot run containers: ${missing.join(", ")} not found; install with: ${install}`);
    this.packages = packages;
  }
}

/** Rejects with a MissingProgramsError that names Debian's packages. */
export async function requirePrograms(
  path: string = DEFAULT_PATH,
  cniBinDir: string = CNI_BIN_DIR,
): Promise<void> {
  const missing: string[] = [];
  const packages = new Set<string>();
  const check = async (name: string, folders: readonly string[], debianPackage: string): Promise<void> => {
    for (const folder of folders) if (await isExecutable(join(folder, name))) return;
    missing.push(name);
    packages.add(debianPackage);
  };
  for (const [name, debianPackage] of Object.entries(PROGRAMS))
    await check(name, path.split(delimiter), debianPackage);
  for (const name of CNI_PLUGINS) await check(name, [cniBinDir], CNI_PACKAGE);
  if (missing.length > 0) throw new MissingProgramsError(missing, [...packages]);
}

export async function detectMachine({ rootDir }: Pick<DaemonOptions, "rootDir">): Promise<Machine> {
  const status = await readFile("/proc/self/status", "utf8");
  const [, effective = "0"] = /^CapEff:\s*([0-9a-f]+)/m.exec(status) ?? [];
  const hasSysResource = ((BigInt(`0x${effective}`) >> SYS_RESOURCE) & 1n) === 1n;
  return { hasSysResource, hasOverlay: await canMountOverlay(rootDir) };
}

/** Whether overlayfs works depends on the kernel and on the file system below, so a mount is the only answer. */
async function canMountOverlay(rootDir: string): Promise<boolean> {
  const folder = await mkdtemp(join(rootDir, "overlay-check-"));
  const [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map((name) => join(folder, name));
  try {
    for (const path of [lower, upper, work, merged]) await mkdir(path!);
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    await run("mount", ["-t", "overlay", "overlay", "-o", options, merged!]);
    await run("umount", [merged!]);
    return true;
  } catch {
    // Whatever the reason: the native snapshotter works everywhere.
    return false;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
