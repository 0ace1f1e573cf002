import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Server } from "node:net";
import { test } from "node:test";
import { silentLogger } from "#apimachinery";
import { serveHttp, textAnswer } from "./serve-http.ts";

const answer = () => textAnswer(200, "ok");
const LISTEN = "tracing:net.server.listen:asyncStart";

test("serveHttp outlives connections that cannot be accepted", async () => {
  const listening: Server[] = [];
  const onListen = (message: unknown): void =>
    void listening.push((message as { readonly server: Server }).server);
  subscribe(LISTEN, onListen);
  const told: string[] = [];
  const logger = { ...silentLogger, error: (message: string) => void told.push(message) };
  await using served = await serveHttp({ name: "health", host: "127.0.0.1", port: 0, logger, answer });
  unsubscribe(LISTEN, onListen);
  for (let i = 0; i < 2; i++) listening[0]!.emit("error", new Error("accept EMFILE"));
  const response = await fetch(`http://127.0.0.1:${served.port}/healthz`, {
    headers: { connection: "close" },
  });
  assert.equal(await response.text(), "ok");
  assert.deepEqual(told, Array.from({ length: 2 }).fill("health: a connection was not accepted"));
});
