/** Runs programs for tests, and waits for what they cannot be told of. */
import { spawn } from "node:child_process";

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  /** Ends the program after this; default one minute. */
  readonly timeoutMs?: number;
  /** Besides what every command is given. */
  readonly env?: NodeJS.ProcessEnv;
}

/** For what takes a second or two on a machine that does nothing else. */
const EVENTUALLY_MS = 60_000;
const RUN_MS = 60_000;

/** Asks again until `check` gives a value; the API tells most things by watch, a shell command cannot. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined>,
  timeoutMs: number = EVENTUALLY_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value !== undefined) return value;
    } catch (err) {
      last = err;
    }
    if (performance.now() > deadline)
      throw new Error(`${what} did not happen in ${timeoutMs} ms`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

export function run(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  options: RunOptions = {},
): Promise<Output> {
  const [file, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file!, args, {
      env: { ...env, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.timeoutMs ?? RUN_MS,
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 128, stdout, stderr }));
    child.stdin.on("error", () => {}); // the exit code tells what became of it
    child.stdin.end(options.input ?? "");
  });
}
