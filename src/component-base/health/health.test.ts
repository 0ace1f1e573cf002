import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "#apimachinery";
import { latchCheck, pingCheck, runHealthCheck, runHealthChecks, type HealthCheck } from "./health.ts";

const broken: HealthCheck = { name: "etcd", check: () => Promise.reject(new Error("connection refused")) };
const never = new AbortController().signal;

function run(
  checks: readonly HealthCheck[],
  verbose = false,
  exclude: readonly string[] = [],
): ReturnType<typeof runHealthChecks> {
  return runHealthChecks(checks, { endpoint: "livez", verbose, exclude }, silentLogger, never);
}

test("runHealthChecks answers as upstream", async () => {
  assert.deepEqual((await run([pingCheck])).body, "ok");
  assert.equal((await run([])).status, 200);
  assert.equal((await run([pingCheck], true)).body, "[+]ping ok\nlivez check passed\n");
  const failed = await run([pingCheck, broken]);
  assert.equal(failed.status, 500);
  assert.equal(failed.body, "[+]ping ok\n[-]etcd failed: reason withheld\nlivez check failed\n");
  const excluded = await run([pingCheck, broken], true, ["etcd", "foo"]);
  assert.equal(
    excluded.body,
    '[+]ping ok\n[+]etcd excluded: ok\nwarn: some health checks cannot be excluded: no matches for "foo"\nlivez check passed\n',
  );
});

test("runHealthCheck answers for one check", async () => {
  assert.equal((await runHealthCheck([pingCheck], "ping", never))?.body, "ok");
  assert.equal(
    (await runHealthCheck([broken], "etcd", never))?.body,
    "internal server error: connection refused\n",
  );
  assert.equal(await runHealthCheck([broken], "other", never), undefined);
});

test("latchCheck is unhealthy until done", async () => {
  const latch = latchCheck("poststarthook/x");
  assert.equal((await run([latch])).status, 500);
  latch.done();
  assert.equal((await run([latch])).status, 200);
});
