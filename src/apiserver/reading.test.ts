import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { KubeObject, WatchEvent } from "#apimachinery";
import type { Request } from "#client";
import {
  CONFIG_MAPS,
  PODS,
  configMap,
  forever,
  merge,
  pod,
  refusal,
  start,
  withAccount,
} from "./server-fixture.ts";

function as(kind: string): Partial<Request> {
  return { headers: { accept: `application/json;as=${kind};g=meta.k8s.io;v=v1` } };
}

async function take(events: AsyncIterable<WatchEvent>, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of events) {
    const { metadata } = event.object as KubeObject;
    seen.push(`${event.type} ${metadata?.name ?? Object.keys(metadata?.annotations ?? {}).join()}`.trim());
    if (seen.length === count) break;
  }
  return seen;
}

suite("list", () => {
  test("list pages a consistent state, in order, with what remains", async () => {
    const { send } = await start();
    for (const name of ["b", "a", "d", "c"]) await send("POST", CONFIG_MAPS, configMap(name));
    type List = {
      metadata: { continue?: string; remainingItemCount?: number; resourceVersion: string };
      items: KubeObject[];
    };
    const first = (await send("GET", CONFIG_MAPS, undefined, { query: { limit: 2 } })) as unknown as List;
    assert.deepEqual(
      first.items.map((i) => i.metadata.name),
      ["a", "b"],
    );
    assert.equal(first.metadata.remainingItemCount, 2);
    await send("DELETE", `${CONFIG_MAPS}/c`);
    await send("POST", CONFIG_MAPS, configMap("e"));
    const query = { limit: 2, continue: first.metadata.continue! };
    const second = (await send("GET", CONFIG_MAPS, undefined, { query })) as unknown as List;
    assert.deepEqual(
      second.items.map((i) => i.metadata.name),
      ["c", "d"],
    );
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
    assert.equal(second.metadata.continue, undefined);
  });

  test("list continues with 410 and a fresh token when its state was compacted away", async () => {
    const { send, store } = await start();
    for (const name of ["a", "b", "c"]) await send("POST", CONFIG_MAPS, configMap(name));
    const first = (await send("GET", CONFIG_MAPS, undefined, { query: { limit: 1 } })) as unknown as {
      metadata: { continue: string };
    };
    await send("DELETE", `${CONFIG_MAPS}/b`);
    await store.compact(await store.revision());
    const expired = await refusal(
      send("GET", CONFIG_MAPS, undefined, { query: { continue: first.metadata.continue } }),
    );
    assert.equal(expired.code, 410);
    assert.equal(expired.reason, "Expired");
  });

  test("list selects by labels and fields, and says what it cannot read", async () => {
    const { send } = await withAccount(await start());
    await send("POST", PODS, pod("a", { nodeName: "n1" }));
    await send("POST", PODS, pod("b", { nodeName: "n2" }));
    const names = async (query: Record<string, string>): Promise<string[]> =>
      (
        (await send("GET", "/api/v1/pods", undefined, { query })) as unknown as { items: KubeObject[] }
      ).items.map((i) => i.metadata.name);
    assert.deepEqual(await names({ labelSelector: "app!=a" }), ["b"]);
    assert.deepEqual(await names({ fieldSelector: "spec.nodeName=n1" }), ["a"]);
    assert.deepEqual(await names({ fieldSelector: "spec.nodeName=n1,metadata.name=b" }), []);
    assert.deepEqual(await names({ fieldSelector: "metadata.name=b,metadata.namespace=default" }), ["b"]);
    for (const query of [
      { labelSelector: "a=(" },
      { fieldSelector: "spec.foo=a" },
      { resourceVersion: "x" },
    ]) {
      assert.equal((await refusal(names(query))).code, 400);
    }
    assert.equal((await refusal(names({ resourceVersionMatch: "Exact" }))).code, 422);
  });

  test("list and get answer with Tables and metadata", async () => {
    const { send } = await start();
    await send("POST", CONFIG_MAPS, configMap("a", { data: { k: "v" } }));
    type Table = {
      kind: string;
      columnDefinitions: { name: string }[];
      rows: { cells: unknown[]; object: KubeObject }[];
    };
    const table = (await send("GET", CONFIG_MAPS, undefined, as("Table"))) as unknown as Table;
    assert.deepEqual(
      table.columnDefinitions.map((c) => c.name),
      ["Name", "Data", "Age"],
    );
    assert.deepEqual(table.rows[0]?.cells.slice(0, 2), ["a", 1]);
    assert.equal(table.rows[0]?.object.kind, "PartialObjectMetadata");
    const partial = await send("GET", `${CONFIG_MAPS}/a`, undefined, as("PartialObjectMetadata"));
    assert.deepEqual([partial.kind, "data" in partial], ["PartialObjectMetadata", false]);
  });
});

suite("watch", () => {
  test("watch tells the state and then every change", async () => {
    const { send, transport } = await start();
    await send("POST", CONFIG_MAPS, configMap("a"));
    const events = take(transport.watch({ method: "GET", path: CONFIG_MAPS }, forever), 4);
    // The watch begins when it is first asked for an event.
    await send("GET", CONFIG_MAPS);
    await send("POST", CONFIG_MAPS, configMap("b"));
    await send("PATCH", `${CONFIG_MAPS}/b`, { data: { k: "v" } }, merge);
    await send("DELETE", `${CONFIG_MAPS}/a`);
    assert.deepEqual(await events, ["ADDED a", "ADDED b", "MODIFIED b", "DELETED a"]);
  });

  test("watch continues from a resourceVersion without gap or repetition", async () => {
    const { send, transport } = await start();
    const a = await send("POST", CONFIG_MAPS, configMap("a"));
    await send("POST", CONFIG_MAPS, configMap("b"));
    await send("POST", CONFIG_MAPS, configMap("c"));
    const query = { resourceVersion: a.metadata.resourceVersion };
    assert.deepEqual(await take(transport.watch({ method: "GET", path: CONFIG_MAPS, query }, forever), 2), [
      "ADDED b",
      "ADDED c",
    ]);
  });

  test("watch shows objects that enter and leave its selector", async () => {
    const { send, transport } = await start();
    const label = (value: string | null): Promise<KubeObject> =>
      send("PATCH", `${CONFIG_MAPS}/a`, { metadata: { labels: { x: value } } }, merge);
    const { metadata } = await send("POST", CONFIG_MAPS, configMap("a"));
    await label("y");
    await send("PATCH", `${CONFIG_MAPS}/a`, { data: { k: "v" } }, merge);
    await label("z");
    const query = { labelSelector: "x=y", resourceVersion: metadata.resourceVersion };
    const events = take(transport.watch({ method: "GET", path: CONFIG_MAPS, query }, forever), 3);
    assert.deepEqual(await events, ["ADDED a", "MODIFIED a", "DELETED a"]);
  });

  test("watch ends its initial events with a bookmark", async () => {
    const { send, transport } = await start();
    await send("POST", CONFIG_MAPS, configMap("a"));
    const query = {
      sendInitialEvents: true,
      resourceVersionMatch: "NotOlderThan",
      allowWatchBookmarks: true,
    };
    const events = take(transport.watch({ method: "GET", path: CONFIG_MAPS, query }, forever), 2);
    assert.deepEqual(await events, ["ADDED a", "BOOKMARK k8s.io/initial-events-end"]);
  });

  test("watch from a time that is forgotten is Expired", async () => {
    const { send, transport } = await start({ limits: { watchHistoryMax: 2 } });
    const { metadata } = await send("POST", CONFIG_MAPS, configMap("a"));
    for (let i = 0; i < 8; i++) await send("POST", CONFIG_MAPS, configMap(`b${i}`));
    const query = { resourceVersion: metadata.resourceVersion };
    for await (const event of transport.watch({ method: "GET", path: CONFIG_MAPS, query }, forever)) {
      assert.equal(event.type, "ERROR");
      const { code, reason, message } = event.object;
      assert.deepEqual([code, reason], [410, "Expired"]);
      assert.match(message!, /^too old resource version: \d+ \(\d+\)$/);
      return;
    }
    assert.fail("the watch said nothing");
  });

  test("watch ends when the server closes", async () => {
    const { server, send, transport } = await start();
    const events = take(transport.watch({ method: "GET", path: CONFIG_MAPS }, forever), 1);
    await send("GET", CONFIG_MAPS);
    await server.close();
    assert.deepEqual(await events, []);
  });

  test("in-process readers share one object", async () => {
    const { send, transport } = await start();
    const made = await send("POST", CONFIG_MAPS, configMap("a"));
    assert.equal(await send("GET", `${CONFIG_MAPS}/a`), made);
    for await (const event of transport.watch({ method: "GET", path: CONFIG_MAPS }, forever)) {
      assert.equal(event.object, made);
      break;
    }
  });
});
