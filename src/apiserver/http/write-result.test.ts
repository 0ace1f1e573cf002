import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import type { ObjectList } from "../handlers/request.ts";
import type { CachedObject } from "../watchcache/cached-object.ts";
import type { BodyWriter, Exchange } from "./exchange.ts";
import { FanOut } from "./fan-out.ts";
import { writeResult } from "./write-result.ts";

test("writeResult() breaks a list off when the rest of it cannot be written", async () => {
  const said: string[] = [];
  const writer: BodyWriter = {
    write: () => true,
    writeShared: () => true,
    drained: () => Promise.resolve(),
    onDrain: () => {},
    isGone: false,
    end: () => void said.push("end"),
    abort: () => void said.push("abort"),
  };
  const exchange = { headers: {}, start: () => writer } as unknown as Exchange;
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x".repeat(1000) } };
  const items = Array.from({ length: 2000 }, () => ({ object }) as unknown as CachedObject);
  let left = items.length;
  const transform = (): typeof object => {
    if (--left === 0) throw new Error("cannot be converted");
    return object;
  };
  const list = { apiVersion: "v1", kind: "ConfigMapList", revision: 1, items } as unknown as ObjectList;
  const as = { contentType: "application/json", format: "json", pretty: false, transform } as const;
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const context = { exchange, headers: {}, fanOut: new FanOut(clock), clock, signal };
  await assert.rejects(writeResult({ type: "list", list, as }, context), /cannot be converted/);
  assert.deepEqual(said, ["abort"]);
});

async function bodyFor(userAgent: string, target: string): Promise<string> {
  const bodies: string[] = [];
  const exchange = {
    target,
    headers: { "user-agent": userAgent },
    respond: (_status: number, _headers: unknown, body: string) => void bodies.push(body),
  } as unknown as Exchange;
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const context = { exchange, headers: {}, fanOut: new FanOut(clock), clock, signal };
  await writeResult({ type: "value", status: 404, value: { kind: "Status" } }, context);
  return bodies.join("");
}

test("writeResult() shows a Status to people on lines of its own, to programs on one", async () => {
  assert.equal(await bodyFor("curl/8.0", "/api"), '{\n  "kind": "Status"\n}\n');
  assert.equal(await bodyFor("kubectl/v1.36.0", "/api"), '{"kind":"Status"}\n');
  assert.equal(await bodyFor("kubectl/v1.36.0", "/api?pretty=true"), '{\n  "kind": "Status"\n}\n');
  assert.equal(await bodyFor("curl/8.0", "/api?pretty=false"), '{"kind":"Status"}\n');
});
