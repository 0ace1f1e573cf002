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

function inputOf(
  handler: LifecycleHandler,
  exitCode = 0,
  clock = new FakeClock(),
  told: string[] = [],
): HookInput {
  const execSync = async () => ({ exitCode, stdout: Buffer.from("out "), stderr: Buffer.from("err") });
  const onHook = (what: string): void => void told.push(what);
  const tools = { runtime: { execSync }, clock, userAgent: "kube-lifecycle/test", hasNetwork: true, onHook };
  const onFallback = (host: string): void => void told.push(host);
  return { handler, container: testContainer("c"), containerId: "c0", podIP: "127.0.0.1", tools, onFallback };
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
  const told: string[] = [];
  const cut = runHook(inputOf({ sleep: { seconds: 5 } }, 0, clock, told), stop.signal);
  stop.abort(new Error("the grace period is over"));
  await assert.rejects(cut, /the grace period is over/);
  assert.deepEqual(told, ["sleepCut"]);
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

test("runHook() asks over HTTP, without its authorization, where nobody speaks TLS", async () => {
  const asked: unknown[] = [];
  const server = createServer((request, response) => {
    asked.push([request.headers["x-own"], request.headers.authorization]);
    response.writeHead(200).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const told: string[] = [];
    const httpHeaders = [
      { name: "X-Own", value: "yes" },
      { name: "Authorization", value: "Bearer secret" },
    ];
    const handler = { httpGet: { scheme: "HTTPS", path: "/", port, httpHeaders } } as const;
    await runHook(inputOf(handler, 0, new FakeClock(), told), NEVER);
    assert.deepEqual(asked, [["yes", undefined]]);
    assert.deepEqual(told, ["fallback", `127.0.0.1:${port}`]);
  } finally {
    server.close();
  }
});
