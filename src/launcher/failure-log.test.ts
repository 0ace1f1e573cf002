import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { failureLog } from "./failure-log.ts";
import { profilePaths } from "./paths.ts";
import { newTestEnv, testProfile } from "./test-env.ts";

test("failureLog shows the last problems of every process, each once and in one line", async () => {
  await using given = await newTestEnv();
  const { env } = given;
  const { logs } = profilePaths(env, "test");
  await mkdir(logs, { recursive: true });
  const again = '{"level":"warn","msg":"will retry","err":{"message":"no route"}}\n';
  await writeFile(
    join(logs, "server.log"),
    `{"level":"info","msg":"fine"}\n${again}${again}k8ts: port taken\n    at somewhere (file.ts:1)\n`,
  );
  await writeFile(
    join(logs, "k8ts-test.containerd.log"),
    'time="x" level=info msg="starting"\ntime="x" level=fatal msg="no runc"\n',
  );
  const lines = Array.from(
    { length: 9 },
    (_, i) => `{"level":"error","msg":"problem ${i} ${"x".repeat(300)}"}\n`,
  );
  await writeFile(join(logs, "k8ts-test.agent.log"), lines.join(""));
  const shown = await failureLog(env, testProfile(env));
  assert.deepEqual(shown.slice(0, 3), [
    "  server: will retry: no route",
    "  server: k8ts: port taken",
    "  k8ts-test.containerd: no runc",
  ]);
  const rest = shown.slice(3);
  assert.deepEqual(
    rest.map((line) => line.slice(0, 30)),
    [5, 6, 7, 8].map((i) => `  k8ts-test.agent: problem ${i} xx`.slice(0, 30)),
  );
  assert.ok(rest.every((line) => line.length <= 240));
});

test("failureLog of a cluster that wrote nothing is empty", async () => {
  await using given = await newTestEnv();
  assert.deepEqual(await failureLog(given.env, testProfile(given.env)), []);
});
