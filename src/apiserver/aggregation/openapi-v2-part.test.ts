import assert from "node:assert/strict";
import { test } from "node:test";
import { openApiPart, renameDefinitions } from "./openapi-v2-part.ts";

const ref = (name: string): object => ({ $ref: `#/definitions/${name}` });
const document = {
  swagger: "2.0",
  paths: {
    "/apis/": { get: {} },
    "/apis/example.com/v1/flunders": { get: { responses: { 200: { schema: ref("Flunder") } } } },
    "/apis/example.com/v10/flunders": { get: { responses: { 200: { schema: ref("Other") } } } },
  },
  definitions: {
    Flunder: { properties: { meta: ref("Meta"), self: ref("Flunder") } },
    Meta: { type: "object" },
    Other: { type: "object" },
  },
};

test("openApiPart takes the paths of the group-version and what they refer to", () => {
  const part = openApiPart(JSON.stringify(document), { group: "example.com", version: "v1" });
  assert.deepEqual(
    part.paths.map(([path]) => path),
    ["/apis/example.com/v1/flunders"],
  );
  assert.deepEqual(
    part.definitions.map(([name]) => name),
    ["Flunder", "Meta"],
  );
});

test("renameDefinitions follows every reference", () => {
  const part = openApiPart(JSON.stringify(document), { group: "example.com", version: "v1" });
  const renamed = renameDefinitions(part, new Map([["Meta", "Meta_v2"]]));
  assert.deepEqual(renamed.definitions, [
    ["Flunder", { properties: { meta: ref("Meta_v2"), self: ref("Flunder") } }],
    ["Meta_v2", { type: "object" }],
  ]);
  assert.deepEqual(renamed.paths, part.paths);
});
