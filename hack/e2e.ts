/**
 * Runs the end-to-end tests, all or the named files (`npm run e2e -- test/e2e/pods.test.ts`), and looks afterwards, also when
 * some failed, for what the suite left on the machine. Exits 1 when a test failed or something is left.
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { systemClock } from "#apimachinery";
import { lookForSuite, newSince, type Found } from "../test/e2e/leaks-of-suite.ts";

const ALL = "test/e2e/**/*.test.ts";
const TEST_TIMEOUT_MS = 600_000;
/** For what ends by itself a moment after the command that ended it. */
const GONE_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 1_000;

const before = lookForSuite();
const passed = await runTests(process.argv.slice(2));
const leaks = await leftFor(GONE_WITHIN_MS);
for (const { line } of leaks) console.log(`e2e: left on the machine: ${line}`);
if (leaks.length === 0) console.log("e2e: the whole suite left nothing on the machine");
process.exitCode = passed && leaks.length === 0 ? 0 : 1;

async function runTests(files: readonly string[]): Promise<boolean> {
  const options = ["--test", "--test-concurrency=1", `--test-timeout=${TEST_TIMEOUT_MS}`];
  const child = spawn(process.execPath, [...options, ...(files.length === 0 ? [ALL] : files)], {
    stdio: "inherit",
  });
  // the tests stop what they started; a terminal tells them of its interrupt itself
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.on("SIGINT", () => {});
  const [code] = (await once(child, "close")) as [number | null];
  return code === 0;
}

/** Of what is new, that which is there in every look: other suites make and remove theirs meanwhile. */
async function leftFor(withinMs: number): Promise<readonly Found[]> {
  const deadline = systemClock.monotonicMs() + withinMs;
  const never = new AbortController().signal;
  let left = newSince(before, lookForSuite());
  while (left.length > 0 && systemClock.monotonicMs() < deadline) {
    await systemClock.sleep(LOOK_EVERY_MS, never);
    const gone = newSince(lookForSuite(), left);
    left = newSince(gone, left);
  }
  return left;
}
