/**
 * Images as read-only folders, for versions of containerd whose CRI cannot mount them (before 2.1): a view of the
 * image's snapshot, which containerd keeps until it is given back.
 * @module
 */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { promisify } from "node:util";
import { isRuntimeNotFound, RuntimeError, runtimeErrorCode } from "../errors.ts";
import type { ImageMounts, Runtime } from "../runtime.ts";
import type { Connection } from "./connection.ts";
import { CONTAINERD_NAMESPACE } from "./content.ts";
import { containerdSnapshots } from "./wire/containerd-tables.ts";
import { createSchema } from "./wire/schema.ts";

const CALL_TIMEOUT_MS = 60_000;
const MOUNT_TIMEOUT_MS = 30_000;
/** The first version that mounts images by itself. */
const MOUNTS_ITSELF = [2, 1] as const;
const LOWER = "lowerdir=";

const snapshots = createSchema(containerdSnapshots);
const run = promisify(execFile);

interface SnapshotMount {
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

type Asked = Pick<Runtime, "version" | "status" | "imageStatus">;

export function imageMounts(connection: Connection, runtime: Asked): ImageMounts {
  const call = async (name: string, request: object, signal: AbortSignal): Promise<object> =>
    connection.unary(snapshots.method("Snapshots", name), request, {
      signal,
      headers: { "containerd-namespace": CONTAINERD_NAMESPACE },
      deadlineMs: CALL_TIMEOUT_MS,
    });
  let snapshotter: string | undefined;
  const snapshotterOf = async (signal: AbortSignal): Promise<string> => {
    if (snapshotter !== undefined) return snapshotter;
    const { info } = await runtime.status({ verbose: true }, signal);
    const config = JSON.parse(info["config"] ?? "{}") as { containerd?: { snapshotter?: string } };
    return (snapshotter = config.containerd?.snapshotter ?? "overlayfs");
  };
  const view = async (key: string, parent: string, signal: AbortSignal): Promise<SnapshotMount> => {
    const id = { snapshotter: await snapshotterOf(signal), key };
    // Nothing else refers to it: containerd would collect it.
    const labels = { "containerd.io/gc.root": "kubelet" };
    const answer = await call("View", { ...id, parent, labels }, signal).catch((err: unknown) => {
      if (runtimeErrorCode(err) === "AlreadyExists") return call("Mounts", id, signal);
      throw err;
    });
    const [mount] = (answer as { mounts: readonly SnapshotMount[] }).mounts;
    if (mount === undefined) throw new RuntimeError("Internal", `containerd gave no mount for ${key}`);
    return mount;
  };
  return {
    async mount({ image, key, path }, signal) {
      const { runtimeName, runtimeVersion } = await runtime.version(signal);
      if (runtimeName !== "containerd" || mountsItself(runtimeVersion)) return false;
      const { info } = await runtime.imageStatus({ image }, { verbose: true }, signal);
      const { chainID } = JSON.parse(info["info"] ?? "{}") as { chainID?: string };
      if (chainID === undefined) throw new RuntimeError("NotFound", `no unpacked image ${image}`);
      await mountAt(await view(key, chainID, signal), path);
      return true;
    },
    async release(key, signal) {
      try {
        await call("Remove", { snapshotter: await snapshotterOf(signal), key }, signal);
      } catch (err) {
        if (!isRuntimeNotFound(err)) throw err;
      }
    },
  };
}

export function mountsItself(version: string): boolean {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  const [wantedMajor, wantedMinor] = MOUNTS_ITSELF;
  return Number(major) > wantedMajor || (Number(major) === wantedMajor && Number(minor) >= wantedMinor);
}

async function mountAt({ type, source, options }: SnapshotMount, path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o750 });
  const { args, cwd } = mountCommand({ type, source, options }, path);
  try {
    await run("mount", args, { timeout: MOUNT_TIMEOUT_MS, ...(cwd !== undefined && { cwd }) });
  } catch (err) {
    const { stderr } = err as { stderr?: string };
    throw new RuntimeError("Internal", `mount ${args.join(" ")} failed: ${stderr?.trim() ?? ""}`, err);
  }
}

/** Many layers by their full paths would not fit into the one page that the kernel takes: they are named from `cwd`. */
export function mountCommand(
  { type, source, options }: SnapshotMount,
  path: string,
): { readonly args: readonly string[]; readonly cwd: string | undefined } {
  const all = [...new Set([...options.filter((option) => option !== "rw"), "ro"])];
  if (type === "bind")
    return { args: ["--no-canonicalize", "-o", all.join(","), source, path], cwd: undefined };
  const layers =
    all
      .find((option) => option.startsWith(LOWER))
      ?.slice(LOWER.length)
      .split(":") ?? [];
  // …/snapshots/NUMBER/fs
  const cwd = layers[0] === undefined ? undefined : dirname(dirname(layers[0]));
  const named = all.map((option) =>
    cwd !== undefined && option.startsWith(LOWER)
      ? `${LOWER}${layers.map((layer) => relative(cwd, layer)).join(":")}`
      : option,
  );
  return { args: ["--no-canonicalize", "-t", type, "-o", named.join(","), source, path], cwd };
}
