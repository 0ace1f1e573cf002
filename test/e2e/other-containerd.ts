/** A containerd that may take over from the machine's: another version where there is one. */
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./running.ts";

export interface OtherContainerd {
  /** Holds `containerd` and its shim. */
  readonly dir: string;
  /** As a node's `containerRuntimeVersion` tells it. */
  readonly version: string;
}

const PROGRAMS = ["containerd", "containerd-shim-runc-v2", "ctr"];
const DOWNLOAD_MS = 120_000;

/**
 * In `$K8TS_TEST_CONTAINERD`, else of Debian's other package of it, else the machine's own at another place: its package may
 * be the only one there is, and programs that are replaced are what an upgrade is to a node.
 */
export async function otherContainerd(scratch: string, env: NodeJS.ProcessEnv): Promise<OtherContainerd> {
  const given = env["K8TS_TEST_CONTAINERD"];
  const dir = given ?? (await packaged(scratch, env)) ?? (await copied(scratch, env));
  return { dir, version: await versionOf(join(dir, "containerd"), env) };
}

/** `containerd://1.6.20~ds1` of `containerd github.com/containerd/containerd 1.6.20~ds1 …`. */
export async function versionOf(program: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout, stderr } = await run([program, "--version"], env);
  const version = stdout.split(" ")[2];
  if (version === undefined) throw new Error(`${program} --version: ${stdout}${stderr}`);
  return `containerd://${version.trim().replace(/^v/, "")}`;
}

/** Undefined where apt knows no other, or does not get it. */
async function packaged(scratch: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const installed = (await run(["dpkg-query", "-W", "-f", "${Version}", "containerd"], env)).stdout;
  const { stdout } = await run(["apt-cache", "madison", "containerd"], env);
  const other = stdout
    .split("\n")
    .map((line) => line.split("|")[1]?.trim())
    .find((version) => version !== undefined && version !== "" && version !== installed);
  if (other === undefined) return undefined;
  const script = 'cd "$1" && apt-get -qq download "containerd=$2" && dpkg -x containerd_*.deb other';
  const { code } = await run(["sh", "-c", script, "sh", scratch, other], env, { timeoutMs: DOWNLOAD_MS });
  return code === 0 ? join(scratch, "other/usr/bin") : undefined;
}

async function copied(scratch: string, env: NodeJS.ProcessEnv): Promise<string> {
  const dir = join(scratch, "copied");
  await mkdir(dir);
  for (const program of PROGRAMS) {
    const { stdout } = await run(["sh", "-c", 'command -v "$1"', "sh", program], env);
    await copyFile(stdout.trim(), join(dir, program));
  }
  return dir;
}
