import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "#apimachinery";
import type { ApiRequest } from "../handlers/request.ts";
import { indexRoute, versionRoute } from "./system-routes.ts";

const request = (method: string): ApiRequest => ({ method }) as ApiRequest;

test("indexRoute() lists the API's paths and the server's own, in order", async () => {
  const result = await indexRoute(() => ["/apis", "/api"]).handle(request("GET"));
  assert.ok(result.type === "value");
  const { paths } = result.value as { paths: string[] };
  assert.deepEqual(paths.slice(0, 3), ["/api", "/apis", "/healthz"]);
  assert.equal(paths.at(-1), "/version");
});

for (const route of [versionRoute({}), indexRoute(() => [])]) {
  test("what can only be read refuses to be written", async () => {
    await assert.rejects(
      async () => route.handle(request("DELETE")),
      (err) => err instanceof StatusError && err.code === 405,
    );
  });
}
