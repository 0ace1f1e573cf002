/** `k8ts logs`: what the cluster's own processes wrote. @module */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { LauncherContext } from "../launcher-context.ts";
import { profilePaths } from "../paths.ts";
import { requireProfile } from "../profile.ts";

export interface LogsOptions {
  /** Lines of each process. */
  readonly lines: number;
  /** Only warnings and errors. */
  readonly problems: boolean;
}

export async function logs(
  context: LauncherContext,
  profileName: string,
  options: LogsOptions,
): Promise<string> {
  const profile = await requireProfile(context.env, profileName);
  const dir = profilePaths(context.env, profile.name).logs;
  const files = (await readdir(dir))
    .filter((file) => file.endsWith(".log"))
    .toSorted((a, b) => a.localeCompare(b));
  const sections = await Promise.all(
    files.map(async (file) => {
      const lines = (await readFile(join(dir, file), "utf8")).split("\n").filter((line) => line !== "");
      const shown = options.problems ? lines.filter(isProblem) : lines;
      return `==> ${file} <==\n${shown
        .slice(-options.lines)
        .map((line) => `${line}\n`)
        .join("")}`;
    }),
  );
  return sections.join("\n");
}

/** Our own lines are JSON, containerd's are logfmt. */
function isProblem(line: string): boolean {
  return /"level":"(warn|error|fatal)"|level=(warning|error|fatal)/.test(line);
}
