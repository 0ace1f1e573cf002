/** `k8ts profile list`: the clusters of this machine. @module */
import { join } from "node:path";
import type { LauncherContext } from "../launcher-context.ts";
import { profilePaths } from "../paths.ts";
import { listProfiles } from "../profile.ts";
import { programState } from "../supervisor.ts";
import { renderTable } from "../table.ts";

export interface ProfileRow {
  readonly Name: string;
  readonly Status: "Running" | "Stopped";
  readonly Driver: string;
  readonly IP: string;
  readonly Port: number;
  readonly Nodes: number;
}

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

export function renderProfiles(rows: readonly ProfileRow[]): string {
  const cells = rows.map((row) => [
    row.Name,
    row.Status,
    row.Driver,
    row.IP,
    String(row.Port),
    String(row.Nodes),
  ]);
  return renderTable(["PROFILE", "STATUS", "DRIVER", "IP", "PORT", "NODES"], cells);
}
