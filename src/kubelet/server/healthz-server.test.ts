import assert from "node:assert/strict";
import { test } from "node:test";
import { startHealthz } from "./healthz-server.ts";

test("startHealthz() answers anybody, until it is told to stop", async () => {
  const stop = new AbortController();
  let isHealthy = true;
  const options = { host: "127.0.0.1", port: 0, isHealthy: () => isHealthy };
  const { port, closed } = await startHealthz(options, stop.signal);
  const get = async (path: string, method = "GET"): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return `${answer.status} ${(await answer.text()).trim()}`;
  };
  assert.equal(await get("/healthz"), "200 ok");
  assert.equal(await get("/pods"), "404 404 page not found");
  assert.equal(await get("/healthz", "POST"), "405 Method Not Allowed");
  isHealthy = false;
  assert.equal(await get("/healthz?verbose"), "500 healthz check failed");
  stop.abort();
  await closed;
});
