/** How `k8ts profile list` shows the clusters of this machine. @module */
import { renderTable } from "../table.ts";

export interface ProfileRow {
  readonly Name: string;
  readonly Status: "Running" | "Stopped";
  readonly Driver: string;
  readonly IP: string;
  readonly Port: number;
  readonly Nodes: number;
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
