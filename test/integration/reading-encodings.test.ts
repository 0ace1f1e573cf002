/** Accept headers, forms of objects, pretty printing and compression. @module */
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { after, before, suite, test } from "node:test";
import { CRDS, definition, tab, TABS } from "./crd-fixture.ts";
import { configMap, startHttpServer, type Answer, type HttpServer } from "./http-fixture.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const PROTOBUF = "application/vnd.kubernetes.protobuf";
const form = (as: string, version = "v1", type = "application/json"): string =>
  `${type};as=${as};v=${version};g=meta.k8s.io`;

suite("encodings", () => {
  let server: HttpServer;

  before(async () => {
    server = await startHttpServer();
    await server.send("POST", MAPS, { body: configMap("a", { data: { a: "1" } }) });
    await server.send("POST", CRDS, { body: definition() });
    while ((await server.send("POST", TABS, { body: tab("a") })).code === 404);
  });
  after(() => server[Symbol.asyncDispose]());

  const wanted: readonly (readonly [accept: string, type: string, kind: string])[] = [
    ["", "application/json", "ConfigMapList"],
    ["application/yaml;q=0.2, application/json;q=0.9", "application/json", "ConfigMapList"],
    ["text/html, */*;q=0.1", "application/json", "ConfigMapList"],
    [`${form("Table", "v2")}, application/json`, "application/json", "ConfigMapList"],
    [form("Table"), "application/json", "Table"],
    [form("Table", "v1beta1"), "application/json", "Table"],
    [form("PartialObjectMetadataList"), "application/json", "PartialObjectMetadataList"],
    ["application/json;sv=v1", "application/json", "ConfigMapList"],
  ];
  for (const [accept, type, kind] of wanted) {
    test(`${JSON.stringify(accept)} is answered with ${kind}`, async () => {
      const { code, headers, body } = await server.send("GET", MAPS, { accept });
      assert.deepEqual([code, headers["content-type"], body.kind], [200, type, kind]);
      if (accept.includes("v1beta1")) assert.equal(body.apiVersion, "meta.k8s.io/v1beta1");
    });
  }

  const types = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
  const unwanted: readonly (readonly [path: string, accept: string, message: string])[] = [
    [MAPS, "text/html", `only the following media types are accepted: ${types}`],
    [MAPS, "application/json;g=meta.k8s.io", types],
    [MAPS, "application/json;sv=v2", types],
    [MAPS, form("Table", "v1", PROTOBUF), types],
    [MAPS, "application/yaml;stream=watch", types],
    [
      MAPS,
      form("PartialObjectMetadata"),
      "you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)",
    ],
    [
      `${MAPS}/a`,
      form("PartialObjectMetadataList"),
      "you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)",
    ],
    [
      TABS,
      form("PartialObjectMetadata"),
      "but the requested object is a list (*unstructured.UnstructuredList)",
    ],
  ];
  for (const [path, accept, message] of unwanted) {
    test(`${accept} of ${path} is 406`, async () => {
      const { code, text } = await server.send("GET", path, { accept });
      assert.equal(code, 406);
      assert.ok(text.includes(message), text);
    });
  }

  test("custom resources have no protobuf, their metadata has", async () => {
    assert.equal((await server.send("GET", TABS, { accept: PROTOBUF })).code, 406);
    const both = await server.send("GET", TABS, { accept: `${PROTOBUF},application/json` });
    assert.equal(both.headers["content-type"], "application/json");
    const one = await server.send("GET", `${TABS}/a`, {
      accept: form("PartialObjectMetadata", "v1", PROTOBUF),
    });
    assert.equal(one.code, 200);
    assert.match(one.text, /^k8s[^]*meta\.k8s\.io\/v1[^]*PartialObjectMetadata/);
    const list = await server.send("GET", TABS, {
      accept: form("PartialObjectMetadataList", "v1", PROTOBUF),
    });
    assert.equal(list.headers["content-type"], PROTOBUF);
    assert.match(list.bytes.toString("latin1"), /PartialObjectMetadataList/);
  });

  test("an includeObject that nobody knows is 400", async () => {
    const { code, body } = await server.send("GET", `${MAPS}?includeObject=All`, { accept: form("Table") });
    assert.equal(code, 400);
    assert.equal(
      body.message,
      `Unable to convert to Table as requested: includeObject: Invalid value: "All": must be 'Metadata', 'Object', 'None', or empty`,
    );
  });

  test("people get lines, programs do not", async () => {
    const cases: readonly (readonly [query: string, userAgent: string, isPretty: boolean])[] = [
      ["", "curl/8.0", true],
      ["", "Wget/1.2", true],
      ["", "Mozilla/5.0 (X11)", true],
      ["", "kubectl/v1.36.0", false],
      ["", "Go-http-client/2.0", false],
      ["pretty=true", "kubectl/v1.36.0", true],
      ["pretty=1", "kubectl/v1.36.0", true],
      ["pretty=false", "curl/8.0", false],
      ["pretty=yes", "curl/8.0", false],
      ["pretty=", "curl/8.0", true],
    ];
    for (const [query, userAgent, isPretty] of cases) {
      const { text } = await server.send("GET", `${MAPS}/a?${query}`, {
        headers: { "user-agent": userAgent },
      });
      assert.equal(text.startsWith("{\n  "), isPretty, `${query} ${userAgent}`);
    }
  });

  test("what is larger than 128 KiB is compressed for who wants it", async () => {
    for (const name of ["b", "c", "d"]) {
      await server.send("POST", MAPS, { body: configMap(name, { data: { x: "x".repeat(60_000) } }) });
    }
    const zipped = await get(server, MAPS, "deflate, gzip");
    assert.deepEqual(
      [zipped.headers["content-encoding"], zipped.headers["vary"]],
      ["gzip", "Accept-Encoding"],
    );
    const plain = await get(server, MAPS, "x-gzip, br");
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.equal(gunzipSync(zipped.bytes).toString(), plain.text);
    assert.equal((await get(server, `${MAPS}/b`, "gzip")).headers["content-encoding"], undefined);
  });
});

function get(server: HttpServer, path: string, encoding: string): Promise<Answer> {
  return server.send("GET", path, { headers: { "accept-encoding": encoding } });
}
