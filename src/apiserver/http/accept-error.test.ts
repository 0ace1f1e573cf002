import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Server } from "node:net";
import { test } from "node:test";
import { silentLogger, type Logger } from "#apimachinery";
import { startHttps } from "../https-fixture.ts";

const LISTEN = "tracing:net.server.listen:asyncStart";

test("HttpsServer outlives a connection that could not be accepted", async () => {
  const listening: Server[] = [];
  const onListen = (message: unknown): void =>
    void listening.push((message as { readonly server: Server }).server);
  subscribe(LISTEN, onListen);
  const told: string[] = [];
  const logger: Logger = { ...silentLogger, error: (message) => void told.push(message) };
  const { send } = await startHttps({ logger });
  unsubscribe(LISTEN, onListen);
  assert.equal(listening.length, 1);
  // what Node says when the process has no more file descriptors
  const err = Object.assign(new Error("accept EMFILE"), { code: "EMFILE", syscall: "accept" });
  for (let i = 0; i < 2; i++) listening[0]!.emit("error", err);
  assert.equal((await send("/livez")).status, 200);
  assert.deepEqual(told, Array.from({ length: 2 }).fill("A connection could not be accepted"));
});
