import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { FakeClock } from "#apimachinery";
import { scheme } from "#api";
import { getRequest, shown } from "../discovery/test-request.ts";
import { openApiRoute } from "./index.ts";

const PROTOBUF_V3 = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";

const route = openApiRoute({ kinds: { scheme }, clock: new FakeClock(0) });

async function get(
  target: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<ReturnType<typeof shown>> {
  assert.ok(route.matches(target.split("?")[0]!), target);
  return shown(await route.handle(getRequest(target, headers)));
}

async function urls(): Promise<Readonly<Record<string, { readonly serverRelativeURL: string }>>> {
  return ((await get("/openapi/v3")).body as { readonly paths: Awaited<ReturnType<typeof urls>> }).paths;
}

test("openApiRoute lists a document for everything that discovery has", async () => {
  const paths = await urls();
  for (const name of [
    "api",
    "api/v1",
    "apis",
    "apis/apps",
    "apis/apps/v1",
    "apis/autoscaling/v2",
    "version",
  ]) {
    assert.match(
      paths[name]?.serverRelativeURL ?? "",
      new RegExp(`^/openapi/v3/${name}\\?hash=[0-9A-F]{128}$`),
    );
  }
});

test("openApiRoute tells a client that it has the current index", async () => {
  const { headers } = await get("/openapi/v3");
  assert.equal((await get("/openapi/v3", { "if-none-match": headers["etag"] ?? "" })).status, 304);
});

test("openApiRoute lets the document of a hash be kept for ever", async () => {
  const url = (await urls())["apis/batch/v1"]!.serverRelativeURL;
  const { status, type, headers, body } = await get(url);
  assert.deepEqual([status, type, headers["cache-control"]], [200, "application/json", "public, immutable"]);
  assert.equal(headers["expires"], "Fri, 01 Jan 1971 00:00:00 GMT");
  assert.equal(headers["etag"], `"${url.split("hash=")[1]}"`);
  assert.equal((JSON.parse(String(body)) as { openapi: string }).openapi, "3.0.0");
  assert.equal((await get(url, { "if-none-match": headers["etag"] })).status, 304);
  assert.equal((await get("/openapi/v3/apis/batch/v1")).headers["cache-control"], undefined);
});

test("openApiRoute sends whoever has an old hash to the new one", async () => {
  const { status, headers } = await get("/openapi/v3/apis/batch/v1?hash=OLD");
  assert.equal(status, 301);
  assert.equal(headers["location"], (await urls())["apis/batch/v1"]!.serverRelativeURL);
});

test("openApiRoute sends the same document compressed to those who take it so", async () => {
  const plain = await get("/openapi/v3/apis/batch/v1");
  const packed = await get("/openapi/v3/apis/batch/v1", { "accept-encoding": "gzip" });
  assert.equal(packed.headers["content-encoding"], "gzip");
  assert.equal(gunzipSync(packed.body as Uint8Array).toString(), String(plain.body));
});

test("openApiRoute answers in a type that the client accepts, or not at all", async () => {
  const protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
  const table: readonly (readonly [target: string, accept: string, status: number, type: string])[] = [
    ["/openapi/v2", "", 200, "application/json"],
    ["/openapi/v2", "*/*", 200, "application/json"],
    ["/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf", 200, protobuf],
    ["/openapi/v2", `application/json;q=0.5,${protobuf}`, 200, protobuf],
    ["/openapi/v2", "text/html", 406, ""],
    ["/openapi/v3/version", "text/html,*/*", 200, "application/json"],
    ["/openapi/v3/version", PROTOBUF_V3.replace(".v1.0", "@v1.0"), 200, PROTOBUF_V3],
    ["/openapi/v3/version", PROTOBUF_V3, 200, PROTOBUF_V3],
    ["/openapi/v3/apis/nope/v1", "", 404, "text/plain; charset=utf-8"],
  ];
  for (const [target, accept, status, type] of table) {
    const answer = await get(target, { accept });
    assert.deepEqual([answer.status, answer.type], [status, type], `${target} ${accept}`);
  }
});

test("openApiRoute changes its hashes with the text that describes the types", async () => {
  const prose = { id: "some text", of: () => Promise.resolve(undefined) };
  const other = openApiRoute({ kinds: { scheme }, clock: new FakeClock(0), findProse: () => prose });
  const { body } = shown(await other.handle(getRequest("/openapi/v3")));
  assert.notDeepEqual((body as { readonly paths: unknown }).paths, await urls());
});
