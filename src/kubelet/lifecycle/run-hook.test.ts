import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import type { LifecycleHandler } from "#api/core/v1/types.gen";
import { testContainer } from "../container/testing.ts";
import { type HookInput, runHook } from "./run-hook.ts";

const NEVER = new AbortController().signal;

function inputOf(handler: LifecycleHandler, exitCode = 0, clock = new FakeClock()): HookInput {
  const execSync = async () => ({ exitCode, stdout: Buffer.from("out "), stderr: Buffer.from("err") });
  const tools = { runtime: { execSync }, clock, userAgent: "kube-lifecycle/test", hasNetwork: true };
  return { handler, container: testContainer("c"), containerId: "c0", podIP: "127.0.0.1", tools };
}

test("runHook() sleeps for as long as the hook says, and no longer than it is let", async () => {
  const clock = new FakeClock();
  let isOver = false;
  const slept = runHook(inputOf({ sleep: { seconds: 5 } }, 0, clock), NEVER).then(() => (isOver = true));
  clock.advance(4_999);
  await Promise.resolve();
  assert.equal(isOver, false);
  clock.advance(1);
  await slept;
  const stop = new AbortController();
  const cut = runHook(inputOf({ sleep: { seconds: 5 } }, 0, clock), stop.signal);
  stop.abort(new Error("the grace period is over"));
  await assert.rejects(cut, /the grace period is over/);
});

test("runHook() tells of a command that fails with what it printed", async () => {
  await runHook(inputOf({ exec: { command: ["true"] } }), NEVER);
  await assert.rejects(
    runHook(inputOf({ exec: { command: ["sh", "-c", "x"] } }, 7), NEVER),
    /^Error: command 'sh -c x' exited with 7: out err$/,
  );
});

test("runHook() asks the pod itself when the hook names no host, and takes 4xx and 5xx for failures", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${String(request.headers["x-own"])} ${request.headers["user-agent"]}`);
    response.writeHead(request.url === "/ok" ? 204 : 503).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const get = (path: string): Promise<void> => {
      const httpGet = { path, port, httpHeaders: [{ name: "X-Own", value: "yes" }] };
      return runHook(inputOf({ httpGet }), NEVER);
    };
    await get("/ok");
    await assert.rejects(get("/bad"), /statuscode: 503/);
    assert.deepEqual(asked, ["/ok yes kube-lifecycle/test", "/bad yes kube-lifecycle/test"]);
  } finally {
    server.close();
  }
});
