/** What the processes of a cluster said last, in a few readable lines: shown when a start fails. @module */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isProblem, parseLogLine } from "./log-line.ts";
import { profilePaths, type LauncherEnv } from "./paths.ts";
import type { Profile } from "./profile.ts";

/** Of each process. */
const LINES_MAX = 4;
const LINE_CHARACTERS_MAX = 240;

export async function failureLog(env: LauncherEnv, profile: Profile): Promise<readonly string[]> {
  const { logs } = profilePaths(env, profile.name);
  const names = ["server", ...profile.nodes.flatMap(({ name }) => [`${name}.containerd`, `${name}.agent`])];
  const lines = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(logs, `${name}.log`), "utf8").catch(() => "");
      const problems = text
        .split("\n")
        .map(parseLogLine)
        .filter((line) => line !== undefined && isProblem(line))
        .map((line) => line!.message);
      // a process that tries again says the same again
      return [...new Set(problems)]
        .slice(-LINES_MAX)
        .map((problem) => `  ${name}: ${problem}`.slice(0, LINE_CHARACTERS_MAX));
    }),
  );
  return lines.flat();
}
