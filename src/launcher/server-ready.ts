/** Whether a cluster's API server runs and answers, without loading a client: `k8ts status` takes a tenth of a second. @module */
import { readFile } from "node:fs/promises";
import { get } from "node:https";
import { join } from "node:path";
import { profilePaths, type LauncherEnv } from "./paths.ts";
import { serverURL, type Profile } from "./profile.ts";
import { programState } from "./program-state.ts";
import { EXIT, UserError } from "./user-error.ts";

const ANSWER_TIMEOUT_MS = 2_000;

/**
 * Nothing may be sent to the address of a cluster that is stopped: its network can be gone, and then the address belongs
 * to somebody beyond this machine's uplink.
 */
export async function isServerRunning(env: LauncherEnv, profile: Profile): Promise<boolean> {
  const { childPid } = await programState(join(profilePaths(env, profile.name).dir, "pids"), "server");
  return childPid !== undefined;
}

/** For commands that talk to the API server or to a node's containerd. */
export async function requireRunning(env: LauncherEnv, profile: Profile): Promise<void> {
  if (await isServerRunning(env, profile)) return;
  throw new UserError(`the cluster "${profile.name}" is stopped`, {
    id: "CLUSTER_STOPPED",
    exitCode: EXIT.unavailable,
    fix: `k8ts start${profile.name === "k8ts" ? "" : ` -p ${profile.name}`}`,
  });
}

/** Runs, and says at `/readyz` that it is ready; `/readyz` needs no credential. */
export async function isServerReady(
  env: LauncherEnv,
  profile: Profile,
  signal: AbortSignal,
): Promise<boolean> {
  if (!(await isServerRunning(env, profile))) return false;
  const ca = await readFile(join(profilePaths(env, profile.name).pki, "ca.crt"));
  return new Promise((resolve) => {
    const options = { ca, agent: false, timeout: ANSWER_TIMEOUT_MS, signal };
    const request = get(`${serverURL(profile)}/readyz`, options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => resolve(false)); // whatever the reason, nobody can use it
    request.once("close", () => resolve(false));
  });
}
