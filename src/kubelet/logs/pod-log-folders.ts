/** The log folders of pods. They are known by their names: a folder may outlive all else that told of its pod. @module */
import { podLogDirName } from "../kuberuntime/paths.ts";
import type { VolumeHost } from "../platform/platform.ts";

type Folders = Pick<VolumeHost, "list" | "removeTree">;

/** Uids of pods that have a log folder. What is not named like one is somebody else's. */
export async function podsWithLogs(host: Folders, podLogsDir: string): Promise<readonly string[]> {
  return (await host.list(podLogsDir)).flatMap((name) => uidIn(name) ?? []);
}

/** No effect if there are none. */
export async function removePodLogs(host: Folders, podLogsDir: string, uid: string): Promise<void> {
  for (const name of await host.list(podLogsDir))
    if (uidIn(name) === uid) await host.removeTree(`${podLogsDir}/${name}`);
}

/** Neither names nor uids hold what stands between them. */
function uidIn(name: string): string | undefined {
  const [namespace, pod, uid] = name.split("_");
  if (!namespace || !pod || !uid) return undefined;
  return name === podLogDirName(namespace, pod, uid) ? uid : undefined;
}
