/** Runs a script in a process of its own and reads what it measured there. @module */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

export interface ChildRun<T> {
  /** From the start of the process to its end. */
  readonly wallMs: number;
  /** What the script printed, as JSON. */
  readonly result: T;
}

/** Throws when the process fails. */
export async function measureChild<T>(script: string, args: readonly string[] = []): Promise<ChildRun<T>> {
  const start = performance.now();
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  const wallMs = performance.now() - start;
  if (code !== 0) throw new Error(`${script} exited with ${String(code)}`);
  return { wallMs, result: JSON.parse(output) as T };
}
