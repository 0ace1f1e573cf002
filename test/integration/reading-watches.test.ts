/** Watches as clients see them: where they begin, bookmarks, forms, errors, WebSockets. @module */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, suite, test } from "node:test";
import { WebSocket } from "ws";
import { configMap, startHttpServer, type HttpServer, type Json, type Sending } from "./http-fixture.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const ENDS = { "k8s.io/initial-events-end": "true" };
const table = (version: string): Sending => ({
  accept: `application/json;as=Table;v=${version};g=meta.k8s.io`,
});

suite("watches", () => {
  let server: HttpServer;
  let now = "";

  before(async () => {
    server = await startHttpServer();
    for (const name of ["a", "b"]) {
      now = (await server.send("POST", MAPS, { body: configMap(name) })).body.metadata.resourceVersion;
    }
  });
  after(() => server[Symbol.asyncDispose]());

  /** The first events, as `TYPE name`; a bookmark that ends the initial events is `END`. */
  const first = async (query: string, count: number): Promise<readonly string[]> => {
    await using lines = await server.watch(`${MAPS}?watch=1&${query}`);
    assert.equal(lines.answer.code, 200, query);
    const events: string[] = [];
    while (events.length < count) events.push(brief(await lines.next()));
    return events;
  };

  test("begin with the state, and say where it ends to who takes bookmarks", async () => {
    const state = ["ADDED a", "ADDED b"];
    const cases: readonly (readonly [query: string, events: readonly string[]])[] = [
      ["", state],
      ["resourceVersion=0", state],
      ["resourceVersion=0&allowWatchBookmarks=true", [...state, "END"]],
      ["allowWatchBookmarks=1", [...state, "END"]],
      [
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
        [...state, "END"],
      ],
      [
        `sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=${now}`,
        [...state, "END"],
      ],
      [`resourceVersion=${Number(now) - 1}`, ["ADDED b"]],
    ];
    for (const [query, events] of cases) assert.deepEqual(await first(query, events.length), events, query);
  });

  test("that are to begin later tell only what comes later", async () => {
    const later = Number(now) + 1;
    await using lines = await server.watch(`${MAPS}?watch=1&resourceVersion=${later}`);
    const patch = (value: string): Promise<Json> =>
      server.send("PATCH", `${MAPS}/b`, {
        type: "application/merge-patch+json",
        body: { data: { value } },
      });
    await patch("1");
    await patch("2");
    const { metadata } = (await lines.next()).object;
    assert.ok(Number(metadata.resourceVersion) > later, `${metadata.resourceVersion} is not after ${later}`);
  });

  test("that cannot begin tell why as their only event", async () => {
    const cases: readonly (readonly [query: string, code: number, message: RegExp])[] = [
      ["resourceVersion=1", 410, /^too old resource version: 1 \(\d+\)$/],
      [
        "resourceVersion=99999&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
        504,
        /^Timeout: Too large resource version: 99999, current: \d+$/,
      ],
    ];
    for (const [query, code, message] of cases) {
      await using lines = await server.watch(`${MAPS}?watch=1&${query}`);
      const { type, object } = await lines.next();
      assert.deepEqual([lines.answer.code, type, object.code], [200, "ERROR", code]);
      assert.match(object.message, message);
      assert.equal(await lines.next(), undefined);
    }
  });

  const refusals: readonly (readonly [query: string, causes: readonly string[]])[] = [
    [
      "sendInitialEvents=true",
      ["Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"],
    ],
    [
      "sendInitialEvents=true&resourceVersionMatch=Exact",
      [
        "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        'Unsupported value: "Exact": supported values: "NotOlderThan"',
      ],
    ],
    [
      "resourceVersionMatch=NotOlderThan",
      ["Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"],
    ],
    [
      "sendInitialEvents=false&resourceVersionMatch=NotOlderThan&continue=x",
      ["Forbidden: resourceVersionMatch is forbidden when continue is provided"],
    ],
  ];
  for (const [query, causes] of refusals) {
    test(`with ${query} are refused`, async () => {
      const { code, body } = await server.send("GET", `${MAPS}?watch=1&${query}`);
      assert.equal(code, 422);
      assert.deepEqual(
        body.details.causes.map(({ message }: Json) => message),
        causes,
      );
    });
  }

  test("of one name refuse a selector for another", async () => {
    const { code, body } = await server.send(
      "GET",
      `/api/v1/watch/namespaces/default/configmaps/a?fieldSelector=metadata.name%3Db`,
    );
    assert.deepEqual([code, body.message], [400, "fieldSelector metadata.name doesn't match requested name"]);
  });

  test("in YAML are not to be had", async () => {
    const { code, text } = await server.send("GET", `${MAPS}?watch=1`, { accept: "application/yaml" });
    assert.equal(code, 406);
    assert.match(text, /application\/json;stream=watch, application\/vnd.kubernetes.protobuf;stream=watch/);
  });

  test("as Tables tell the columns once, and bookmarks in the metadata of a row", async () => {
    await using lines = await server.watch(
      `${MAPS}?watch=1&allowWatchBookmarks=1&includeObject=None`,
      table("v1"),
    );
    const [a, b, end] = [await lines.next(), await lines.next(), await lines.next()];
    assert.deepEqual(
      [a, b, end].map(({ object }) => object.columnDefinitions?.length ?? null),
      [3, null, null],
    );
    assert.equal(a.object.rows[0].object, null);
    assert.equal(end.type, "BOOKMARK");
    assert.deepEqual(end.object.rows[0].object.metadata.annotations, ENDS);
  });

  test("show the metadata alone, also of v1beta1", async () => {
    for (const form of ["PartialObjectMetadata", "PartialObjectMetadataList"]) {
      const accept = `application/json;as=${form};v=v1beta1;g=meta.k8s.io`;
      await using lines = await server.watch(`${MAPS}?watch=1`, { accept });
      const { object } = await lines.next();
      assert.deepEqual(
        [object.kind, object.apiVersion, object.metadata.name, object.data],
        ["PartialObjectMetadata", "meta.k8s.io/v1beta1", "a", undefined],
      );
    }
  });

  test("end after timeoutSeconds", async () => {
    await using lines = await server.watch(
      `${MAPS}?watch=1&resourceVersion=${now}&timeoutSeconds=1&fieldSelector=metadata.name%3Dnone`,
    );
    assert.equal(await lines.next(), undefined);
  });

  for (const [accept, protocols, isBinary] of [
    ["application/json", [], false],
    ["application/vnd.kubernetes.protobuf", ["one"], true],
  ] as const) {
    test(`are told as WebSocket messages in ${accept}`, async () => {
      const { port, ca, identity } = server;
      const url = `wss://127.0.0.1:${port}${MAPS}?watch=1&resourceVersion=0&timeoutSeconds=1`;
      const socket = new WebSocket(url, [...protocols], { ca, ...identity, headers: { accept } });
      const messages: (readonly [data: Buffer, isBinary: boolean])[] = [];
      socket.on("message", (data: Buffer, binary) => messages.push([data, binary]));
      await once(socket, "close");
      assert.equal(socket.protocol, protocols[0] ?? "");
      assert.deepEqual(
        messages.map(([, binary]) => binary),
        [isBinary, isBinary],
      );
      const [data] = messages[0]!;
      if (isBinary) assert.equal(data.toString("latin1", 2, 7), "ADDED");
      else assert.equal(brief(JSON.parse(data.toString())), "ADDED a");
    });
  }
});

function brief({ type, object }: Json): string {
  return object.metadata.annotations === undefined ? `${type} ${object.metadata.name}` : "END";
}
