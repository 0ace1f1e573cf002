import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { systemClock } from "#apimachinery";
import { binDir } from "../paths.ts";
import { writeProfile } from "../profile.ts";
import { newTestEnv, testProfile } from "../test-env.ts";
import { deleteCluster } from "./delete.ts";

const { signal } = new AbortController();

test("deleteCluster leaves what other clusters use, and with the last one nothing", async () => {
  await using given = await newTestEnv();
  const { env } = given;
  const progress = {
    step: <T>(_: string, run: (note: () => void) => Promise<T>) => run(() => {}),
    info: () => {},
  };
  const context = { env, clock: systemClock, progress, print: () => {} };
  for (const name of ["one", "two"]) await writeProfile(env, testProfile(env, { name }));
  await mkdir(binDir(env), { recursive: true });
  await writeFile(join(binDir(env), "kubectl"), "");

  await deleteCluster(context, "one", signal);
  assert.ok(existsSync(join(binDir(env), "kubectl")));

  await deleteCluster(context, "two", signal);
  assert.ok(!existsSync(env.home));
});
