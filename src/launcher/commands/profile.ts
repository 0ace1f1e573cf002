/** `k8ts profile list`: the clusters of this machine. @module */
import { join } from "node:path";
import type { LauncherContext } from "../launcher-context.ts";
import { profilePaths } from "../paths.ts";
import { listProfiles } from "../profile.ts";
import { programState } from "../program-state.ts";
import type { ProfileRow } from "./profile-table.ts";

export async function profileRows(context: LauncherContext): Promise<readonly ProfileRow[]> {
  const profiles = await listProfiles(context.env);
  return Promise.all(
    profiles.map(async (profile): Promise<ProfileRow> => {
      const { childPid } = await programState(
        join(profilePaths(context.env, profile.name).dir, "pids"),
        "server",
      );
      return {
        Name: profile.name,
        Status: childPid === undefined ? "Stopped" : "Running",
        Driver: profile.driver,
        IP: profile.apiServer.host,
        Port: profile.apiServer.port,
        Nodes: profile.nodes.length,
      };
    }),
  );
}
