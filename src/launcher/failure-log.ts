/** What the processes of a cluster said last, in a few readable lines: shown when a start fails. @module */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
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
      const problems = text.split("\n").flatMap((line) => problemIn(line) ?? []);
      // a process that tries again says the same again
      return [...new Set(problems)]
        .slice(-LINES_MAX)
        .map((problem) => `  ${name}: ${problem}`.slice(0, LINE_CHARACTERS_MAX));
    }),
  );
  return lines.flat();
}

/** Our own lines are JSON, containerd's are logfmt, and what ends a process may be plain text. */
function problemIn(line: string): string | undefined {
  if (line.startsWith("{")) {
    const { level, msg, err } = parse(line);
    if (level !== "warn" && level !== "error") return undefined;
    return err?.message === undefined ? msg : `${msg}: ${err.message}`;
  }
  if (line.startsWith("time=")) return /level=(?:error|fatal) msg="(.*)$/.exec(line)?.[1];
  return line.trim() === "" || /^\s+at /.test(line) ? undefined : line.trim();
}

interface LogLine {
  readonly level?: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string };
}

function parse(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: "error", msg: line }; // cut off when its process was killed
  }
}
