/** What kubectl shows of a container's output, and how it narrows it down. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import { conformance, WEB_IMAGE } from "../harness/index.ts";

const LINES = 20;
const POD = "logs-generator";
/** Takes more than two seconds, since a time is sent in whole ones. */
const SCRIPT = `for i in $(seq 1 ${LINES}); do echo "GET /api/$i 200"; usleep 150000; done`;

conformance(
  "[sig-cli] Kubectl logs logs should be able to retrieve and filter logs",
  { containers: true },
  async (t) => {
    await t.kubectl("run", POD, `--image=${WEB_IMAGE}`, "--restart=Never", "--", "sh", "-c", SCRIPT);
    await t.waitFor(Pods, { namespace: t.namespace, name: POD }, (pod) => pod?.status?.phase === "Succeeded");
    const logs = (...args: readonly string[]): Promise<string> => t.kubectl("logs", POD, POD, ...args);
    const whole = await logs();
    const expected = Array.from({ length: LINES }, (_, i) => `GET /api/${i + 1} 200\n`);
    assert.equal(whole, expected.join(""));
    assert.equal(await logs("--tail=1"), expected.at(-1));
    assert.equal(await logs("--limit-bytes=1"), "G");
    assert.equal(await logs("--tail=0"), "");
    const stamped = (await logs("--timestamps")).trimEnd().split("\n");
    assert.equal(stamped.length, LINES);
    for (const [i, line] of stamped.entries())
      assert.match(
        line,
        new RegExp(`^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d+\\S+ GET /api/${i + 1} 200$`),
      );
    assert.equal((await logs("--tail=1", "--timestamps")).trimEnd(), stamped.at(-1));
    const second = stamped[15]!.slice(0, "2026-01-02T03:04:05".length);
    const from = stamped.findIndex((line) => line.startsWith(second));
    assert.ok(from > 0, `all lines are of ${second}`);
    assert.equal(await logs(`--since-time=${second}Z`), expected.slice(from).join(""));
    assert.equal(await logs("--since=24h"), whole);
    const none = await t.tryKubectl(["logs", POD, "-c", "other"]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /container other is not valid for pod logs-generator/);
  },
);
