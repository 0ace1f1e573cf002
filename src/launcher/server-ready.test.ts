import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import { systemClock } from "#apimachinery";
import { profilePaths } from "./paths.ts";
import { isServerReady, requireRunning } from "./server-ready.ts";
import { startProgram, stopProgram } from "./supervisor.ts";
import { newTestEnv, testProfile } from "./test-env.ts";

const { signal } = new AbortController();

test("requireRunning refuses a cluster whose control plane does not run, and says how to start it", async () => {
  await using given = await newTestEnv();
  const profile = testProfile(given.env, { name: "dev" });
  const stopped = { id: "CLUSTER_STOPPED", exitCode: 69, fix: "k8ts start -p dev" };
  await assert.rejects(requireRunning(given.env, profile), stopped);
  // nothing is sent to the address of a stopped cluster: it may be somebody else's
  assert.equal(await isServerReady(given.env, profile, signal), false);

  const { dir } = profilePaths(given.env, "dev");
  const pidDir = join(dir, "pids");
  const program = {
    name: "server",
    command: ["sleep", "60"] as const,
    pidDir,
    logFile: join(given.env.home, "server.log"),
  };
  assert.equal(await startProgram(program), true);
  try {
    assert.equal(await startProgram(program), false, "it ran already");
    while ((await requireRunning(given.env, profile).catch(() => "not yet")) === "not yet")
      await systemClock.sleep(5, signal);
  } finally {
    await stopProgram(pidDir, "server", 1_000, systemClock, signal);
  }
  await assert.rejects(requireRunning(given.env, profile), stopped);
});
