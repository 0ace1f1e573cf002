/**
 * The whole test run: first what runs no test, then two streams of stages side by side, since the tests of real nodes wait
 * more than they compute. A stage's output is shown when it ends, in one piece, and what failed once more at the
 * end: all of it, since the other stages go on. The run fails when one did.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

const FIRST = "static";
const STREAMS = [["unit", "integration", "conformance", "system"], ["e2e"]] as const;

/** Where node's reporter begins to name what failed. */
const FAILURES = "✖ failing tests:";

const failures: string[] = [];
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());

/** Whether the stage, a script of package.json, succeeded. */
async function stage(name: string): Promise<boolean> {
  const startMs = performance.now();
  console.log(`test: ${name} …`);
  const child = spawn("npm", ["run", name], { stdio: ["ignore", "pipe", "pipe"] });
  // Its tests stop what they started; killed at once they could not.
  const stop = (): boolean => child.kill("SIGTERM");
  stopping.signal.addEventListener("abort", stop);
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => output.push(part));
  const [code] = (await once(child, "close")) as [number | null];
  stopping.signal.removeEventListener("abort", stop);
  const text = Buffer.concat(output).toString();
  process.stdout.write(text);
  if (code !== 0) failures.push(`test: ${name}\n${text.slice(Math.max(text.lastIndexOf(FAILURES), 0))}`);
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  console.log(`test: ${name} ${code === 0 ? "passed" : "FAILED"} after ${seconds} s`);
  return code === 0;
}

async function allOf(names: readonly string[]): Promise<boolean> {
  let passed = true;
  for (const name of names) if (!stopping.signal.aborted) passed = (await stage(name)) && passed;
  return passed && !stopping.signal.aborted;
}

const passed = (await stage(FIRST)) && (await Promise.all(STREAMS.map(allOf))).every(Boolean);
for (const failure of failures) console.log(failure);
process.exitCode = passed ? 0 : 1;
