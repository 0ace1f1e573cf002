import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { FakeClock, isNotFound } from "#apimachinery";
import { Compacted, openMemoryStore } from "#storage";
import { createApiServer } from "../index.ts";

const EVENTS = "/api/v1/namespaces/default/events";
const signal = new AbortController().signal;

function event(name: string): object {
  return {
    metadata: { name },
    involvedObject: { kind: "Pod", name: "p", namespace: "default" },
    reason: "Tested",
    message: "m",
    type: "Normal",
  };
}

async function advance(clock: FakeClock, minutes: number): Promise<void> {
  for (let i = 0; i < minutes; i++) {
    clock.advance(60_000);
    for (let turn = 0; turn < 5; turn++) await setImmediate();
  }
}

test("startEventTtl() forgets events an hour after their last write", async () => {
  const clock = new FakeClock(Date.parse("2026-01-01T00:00:00Z"));
  await using server = await createApiServer({ store: await openMemoryStore(), clock });
  const transport = server.transport();
  const send = (method: "POST" | "GET" | "PATCH", path: string, body?: unknown) =>
    transport.request(
      {
        method,
        path,
        ...(body !== undefined && { body }),
        headers: { "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json" },
      },
      signal,
    );
  await send("POST", EVENTS, event("old"));
  await send("POST", EVENTS, event("again"));
  await advance(clock, 30);
  await send("PATCH", `${EVENTS}/again`, { count: 2 });
  await advance(clock, 32);
  await assert.rejects(send("GET", `${EVENTS}/old`), isNotFound);
  await send("GET", `${EVENTS}/again`);
  await advance(clock, 31);
  await assert.rejects(send("GET", `${EVENTS}/again`), isNotFound);
});

test("createApiServer() forgets history that is five minutes old", async () => {
  const clock = new FakeClock(Date.parse("2026-01-01T00:00:00Z"));
  const store = await openMemoryStore();
  await using server = await createApiServer({ store, clock });
  const before = await store.revision();
  const body = { metadata: { name: "a" } };
  await server
    .transport()
    .request({ method: "POST", path: "/api/v1/namespaces/default/configmaps", body }, signal);
  await store.range({ prefix: "/registry/", revision: before - 1 });
  await advance(clock, 11);
  await assert.rejects(store.range({ prefix: "/registry/", revision: before - 1 }), Compacted);
});
