import assert from "node:assert/strict";
import { Agent } from "node:https";
import { connect } from "node:http2";
import { test } from "node:test";
import { openMemoryStore, type Store } from "#storage";
import { startHttps } from "../https-fixture.ts";
import { GracefulShutdown } from "./graceful-shutdown.ts";
import { FakeClock } from "#apimachinery";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const json = { "content-type": "application/json" };

function map(name: string): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name } };
}

interface HeldStore {
  readonly store: Store;
  /** Resolves when a commit of a ConfigMap waits. */
  readonly isHeld: Promise<void>;
  readonly release: () => void;
}

/** Commits of ConfigMaps wait until they are let go. */
async function heldStore(): Promise<HeldStore> {
  const store = await openMemoryStore();
  const held = Promise.withResolvers<void>();
  const free = Promise.withResolvers<void>();
  return {
    store: {
      get: (key) => store.get(key),
      range: (options) => store.range(options),
      async commit(writes, options) {
        if (writes[0]?.key.includes("/configmaps/default/") === true) {
          held.resolve();
          await free.promise;
        }
        return store.commit(writes, options);
      },
      watch: (prefix, from, signal) => store.watch(prefix, from, signal),
      revision: () => store.revision(),
      compact: (revision) => store.compact(revision),
      close: () => store.close(),
    },
    isHeld: held.promise,
    release: free.resolve,
  };
}

test("closing answers the write that was accepted, and sends later requests elsewhere", async () => {
  const { store, isHeld, release } = await heldStore();
  const { server, send } = await startHttps({ store });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await send("/version", { agent });
  const write = send(CONFIG_MAPS, { method: "POST", headers: json, body: map("one") });
  await isHeld;
  const closed = server.close();
  const late = await send(CONFIG_MAPS, { agent });
  assert.equal(late.status, 503);
  assert.equal(late.headers["retry-after"], "1");
  const ready = await send("/readyz?verbose", { agent });
  assert.equal(ready.status, 500);
  assert.match(ready.text, /^\[-\]shutdown failed: reason withheld$/m);
  assert.equal((await send("/livez", { agent })).text, "ok");
  await assert.rejects(send("/version"), { code: "ECONNREFUSED" });
  release();
  assert.equal((await write).status, 201);
  await closed;
  agent.destroy();
});

test("closing with shutdownSendRetryAfter answers late requests 429 and when to come again", async () => {
  const { store, isHeld, release } = await heldStore();
  const { server, send } = await startHttps({ store, shutdownSendRetryAfter: true });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await send("/version", { agent });
  const write = send(CONFIG_MAPS, { method: "POST", headers: json, body: map("one") });
  await isHeld;
  const closed = server.close();
  const late = await send(CONFIG_MAPS, { agent });
  assert.equal(late.status, 429);
  assert.equal(late.headers["retry-after"], "5");
  assert.equal(late.headers.connection, "close");
  assert.equal(late.text, "The apiserver is shutting down, please try again later.\n");
  release();
  assert.equal((await write).status, 201);
  await closed;
  agent.destroy();
});

test("closing ends watches in order, with what they had to say", async () => {
  const { server, send, open } = await startHttps();
  const watch = await open(`${CONFIG_MAPS}?watch=true&resourceVersion=0`);
  await send(CONFIG_MAPS, { method: "POST", headers: json, body: map("one") });
  const lines: string[] = [];
  const ended = (async () => {
    for await (const chunk of watch as AsyncIterable<Buffer>) lines.push(chunk.toString());
  })();
  await server.close();
  await ended;
  assert.equal(watch.complete, true);
  assert.match(lines.join(""), /"name":"one"/);
});

test("GracefulShutdown is not ready at once, and goes on for its delay", async () => {
  const clock = new FakeClock();
  let isListening = true;
  let isIdle = false;
  const shutdown = new GracefulShutdown({
    clock,
    delayMs: 5_000,
    drainMs: 60_000,
    stopListening: () => (isListening = false),
    isIdle: () => isIdle,
  });
  const { signal } = new AbortController();
  await shutdown.check.check(signal);
  const done = shutdown.run();
  assert.throws(() => shutdown.check.check(signal), /process is shutting down/);
  assert.ok(isListening && !shutdown.draining.aborted);
  clock.advance(5_000);
  await turn();
  assert.ok(!isListening && shutdown.draining.aborted);
  isIdle = true;
  clock.advance(100);
  await done;
});

test("GracefulShutdown waits no longer than it may", async () => {
  const clock = new FakeClock();
  const shutdown = new GracefulShutdown({
    clock,
    delayMs: 0,
    drainMs: 1_000,
    stopListening: () => {},
    isIdle: () => false,
  });
  const done = shutdown.run();
  for (let i = 0; i < 60; i++) {
    clock.advance(20);
    await turn();
  }
  await done;
});

test("goawayChance tells clients of HTTP/2 to make a new connection, and answers", async () => {
  const { port, ca, admin } = await startHttps({ goawayChance: 1 });
  const session = connect(`https://127.0.0.1:${port}`, {
    ca,
    cert: admin.certificatePem,
    key: admin.privateKeyPem,
  });
  const goneAway = new Promise<number>((resolve) => session.once("goaway", resolve));
  const stream = session.request({ ":path": "/version" });
  const status = new Promise((resolve) => stream.once("response", (headers) => resolve(headers[":status"])));
  stream.resume();
  assert.equal(await status, 200);
  assert.equal(await goneAway, 0);
  session.close();
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
