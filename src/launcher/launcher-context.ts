/** What every launcher command is given. @module */
import type { Clock } from "#apimachinery";
import type { LauncherEnv } from "./paths.ts";
import type { Progress } from "./progress.ts";

export interface LauncherContext {
  readonly env: LauncherEnv;
  readonly clock: Clock;
  readonly progress: Progress;
  /** Writes to standard output: results, never progress. */
  readonly print: (text: string) => void;
}
