/** `k8ts logs`: what the cluster's own processes wrote. @module */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { LauncherContext } from "../launcher-context.ts";
import { isProblem, parseLogLine, renderLogLine } from "../log-line.ts";
import { profilePaths } from "../paths.ts";
import { requireProfile } from "../profile.ts";

export interface LogsOptions {
  /** Lines of each process. */
  readonly lines: number;
  /** Only warnings and errors. */
  readonly problems: boolean;
  /** The lines as they were written, stacks included. */
  readonly raw: boolean;
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
      const lines = (await readFile(join(dir, file), "utf8")).split("\n");
      const shown = lines.flatMap((text) => {
        const line = parseLogLine(text);
        if (line === undefined) return options.raw && !options.problems && text !== "" ? [text] : [];
        if (options.problems && !isProblem(line)) return [];
        return [options.raw ? text : renderLogLine(line)];
      });
      return shown.length === 0 ? "" : `==> ${file} <==\n${shown.slice(-options.lines).join("\n")}\n`;
    }),
  );
  return sections.filter((section) => section !== "").join("\n");
}
