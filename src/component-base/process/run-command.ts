/** Runs a program of the system to its end and gives its output. @module */
import { spawn } from "node:child_process";

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Output beyond this is cut: these are short administrative commands. */
const OUTPUT_MAX_BYTES = 16 << 20;

export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code: number;

  constructor(command: readonly string[], result: CommandResult) {
    const why = result.stderr.trim().split("\n").slice(-3).join("; ") || `exit code ${result.code}`;
    super(`${command.join(" ")}: ${why}`);
    this.code = result.code;
  }
}

/** Never rejects for a non-zero exit; rejects when the program cannot be started. */
export function tryCommand(
  command: readonly [string, ...string[]],
  options: CommandOptions = {},
  signal?: AbortSignal,
): Promise<CommandResult> {
  const [file, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ["pipe", "pipe", "pipe"],
      signal,
      ...(options.env && { env: options.env }),
    });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        if (output[name].length < OUTPUT_MAX_BYTES) output[name] += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code, killedBy) =>
      resolve({
        code: code ?? 128,
        ...output,
        ...(killedBy && { stderr: `${output.stderr}killed by ${killedBy}` }),
      }),
    );
    child.stdin.on("error", () => {}); // the child may exit before it has read everything; its exit code tells
    child.stdin.end(options.input ?? "");
  });
}

/** Standard output; throws `CommandError` on a non-zero exit. */
export async function runCommand(
  command: readonly [string, ...string[]],
  options: CommandOptions = {},
  signal?: AbortSignal,
): Promise<string> {
  const result = await tryCommand(command, options, signal);
  if (result.code !== 0) throw new CommandError(command, result);
  return result.stdout;
}
