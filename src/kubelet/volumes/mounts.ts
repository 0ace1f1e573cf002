/** Mounting through the system's commands: Node has no mount(2). @module */
import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { MountRequest } from "../platform/platform.ts";

const run = promisify(execFile);
const COMMAND_TIMEOUT_MS = 30_000;

/** With the kernel's own mode, 1777: everybody may write, and nobody remove what others wrote. */
export async function mountTmpfs(path: string, sizeBytes: number | undefined): Promise<void> {
  const options = sizeBytes === undefined ? [] : [`size=${sizeBytes}`];
  await mount({ source: "tmpfs", path, type: "tmpfs", options });
}

export async function mount({ source, path, type, options }: MountRequest): Promise<void> {
  const args = ["-t", type, ...(options.length > 0 ? ["-o", options.join(",")] : []), source, path];
  try {
    await run("mount", args, { timeout: COMMAND_TIMEOUT_MS });
  } catch (err) {
    const { code, stderr, stdout, signal } = err as ExecFailure;
    const status = signal == null ? `exit status ${code ?? "unknown"}` : `signal: ${signal}`;
    const output = `${stdout ?? ""}${stderr ?? ""}`;
    throw new Error(
      `mount failed: ${status}\nMounting command: mount\nMounting arguments: ${args.join(" ")}\nOutput: ${output}`,
      { cause: err },
    );
  }
}

/** What `execFile` rejects with. */
export interface ExecFailure {
  readonly code?: number | string;
  readonly signal?: string | null;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** `source` is used as it is: a /proc/PID/fd link must not be turned back into a path. */
export async function bindMount(source: string, target: string): Promise<void> {
  await command("mount", ["--no-canonicalize", "--bind", source, target]);
}

/** True for another file system than the folder above; a bind mount of the same one is found by the mount table. */
export async function isMountPoint(path: string): Promise<boolean> {
  try {
    const [here, above] = await Promise.all([stat(path), stat(dirname(path))]);
    if (here.dev !== above.dev) return true;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw err;
  }
  return (await mountPoints()).includes(path);
}

/** Unmounts `path` and everything below it, deepest first. Throws if something stays: its files must not be removed. */
export async function unmountBelow(path: string): Promise<void> {
  const below = (points: readonly string[]): string[] =>
    points.filter((point) => point === path || point.startsWith(`${path}/`));
  const points = below(await mountPoints());
  if (points.length === 0) return;
  // Later mounts first: one may lie on top of another.
  for (const point of points.toReversed().toSorted((a, b) => b.length - a.length)) {
    await command("umount", ["--no-canonicalize", point]).catch(() => command("umount", ["-l", point]));
  }
  const left = below(await mountPoints());
  if (left.length > 0) throw new Error(`Cannot unmount ${left[0]}`);
}

async function mountPoints(): Promise<readonly string[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  return parseMountInfo(text);
}

/** The fifth field of each line, with octal escapes undone. */
export function parseMountInfo(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => {
    const point = line.split(" ")[4];
    if (point === undefined) return [];
    return [
      point.replaceAll(/\\([0-7]{3})/gu, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    ];
  });
}

async function command(name: string, args: readonly string[]): Promise<void> {
  try {
    await run(name, args, { timeout: COMMAND_TIMEOUT_MS });
  } catch (err) {
    const { stderr } = err as { stderr?: string };
    throw new Error(`${name} ${args.join(" ")} failed: ${stderr?.trim() ?? ""}`, { cause: err });
  }
}
