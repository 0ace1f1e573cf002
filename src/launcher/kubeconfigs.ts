/** The profile's context in the user's kubeconfig. @module */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { profilePaths, type LauncherEnv } from "./paths.ts";
import { contextName, serverURL, type Profile } from "./profile.ts";

/** Credentials are written into the file, so that it works wherever it is copied. */
export async function mergeClusterContext(
  env: LauncherEnv,
  profile: Profile,
  signal: AbortSignal,
): Promise<void> {
  const { pki } = profilePaths(env, profile.name);
  const read = async (name: string): Promise<string> => (await readFile(join(pki, name))).toString("base64");
  const entry = {
    name: contextName(profile.name),
    cluster: { server: serverURL(profile), "certificate-authority-data": await read("ca.crt") },
    user: { "client-certificate-data": await read("admin.crt"), "client-key-data": await read("admin.key") },
  };
  const { mergeContext } = await import("#client/node");
  await mergeContext(profile.kubeconfig, entry, signal);
}

/** The context that was current before becomes current again. */
export async function removeClusterContext(profile: Profile, signal: AbortSignal): Promise<void> {
  const { removeContext } = await import("#client/node");
  await removeContext(profile.kubeconfig, contextName(profile.name), signal);
}

export async function hasClusterContext(profile: Profile): Promise<boolean> {
  const text = await readFile(profile.kubeconfig, "utf8").catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOENT") return "";
    throw err;
  });
  return text.includes(serverURL(profile)) && text.includes(contextName(profile.name));
}
