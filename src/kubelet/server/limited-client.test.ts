import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import type { Client } from "#client";
import { limitedClient } from "./limited-client.ts";

test("limitedClient() lets requests wait for their turn, a watch once", async () => {
  const clock = new FakeClock();
  const sent: string[] = [];
  const note = (what: string): number => sent.push(`${clock.monotonicMs()} ${what}`);
  const client = {
    create: async () => note("create"),
    async *watch() {
      note("watch");
      yield 1;
      yield 2;
    },
    transport: "itself",
  } as unknown as Client;
  const limited = limitedClient(client, { perSecond: 10, burst: 2, clock });
  const { signal } = new AbortController();
  const writes = [1, 2, 3].map(() => limited.create({} as never, {} as never, signal));
  const events: unknown[] = [];
  const watching = (async () => {
    for await (const event of limited.watch({} as never, {}, signal)) events.push(event);
  })();
  await clock.advanceAsync(1000);
  await Promise.all([...writes, watching]);
  assert.deepEqual(sent, ["0 create", "0 create", "100 create", "200 watch"]);
  assert.deepEqual(events, [1, 2]);
  assert.equal(limited.transport, "itself");
});

test("limitedClient() gives up waiting when the caller does", async () => {
  const clock = new FakeClock();
  const client = { get: async () => "got" } as unknown as Client;
  const limited = limitedClient(client, { perSecond: 1, burst: 1, clock });
  const stop = new AbortController();
  await limited.get({} as never, {} as never, stop.signal);
  const second = limited.get({} as never, {} as never, stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(second, /stopped/u);
});
