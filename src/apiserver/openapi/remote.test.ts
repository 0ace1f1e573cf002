import assert from "node:assert/strict";
import { test } from "node:test";
import { scheme } from "#api";
import type { OpenApiPart } from "../aggregation/openapi-v2-part.ts";
import { documentParts, jsonText, type DocumentSource } from "./document.ts";
import { encodable, protobufV2 } from "./protobuf/document.ts";
import { withParts } from "./remote.ts";

const META = "io.k8s.apimachinery.pkg.apis.meta.v1.";
const ref = (name: string): object => ({ $ref: `#/definitions/${name}` });
const source: DocumentSource = {
  dialect: "v2",
  parts: [documentParts(scheme).get("apis/apps/v1")!],
  prose: undefined,
};

interface Document {
  readonly paths: Readonly<Record<string, object>>;
  readonly definitions: Readonly<Record<string, object>>;
}

async function merged(...parts: readonly OpenApiPart[]): Promise<Document> {
  let text = "";
  for await (const piece of jsonText(await withParts(source, parts))) text += piece;
  return JSON.parse(text) as Document;
}

function part(path: string, definitions: Readonly<Record<string, object>>): OpenApiPart {
  const [first] = Object.keys(definitions);
  const get = { responses: { 200: { description: "OK", schema: ref(first!) } } };
  return {
    paths: [[path, { get }]],
    definitions: Object.entries(definitions).map(([name, object]) => [name, { ...object }] as const),
  };
}

test("withParts adds paths and definitions, and shares those that mean the same", async () => {
  const own = await merged();
  const status = own.definitions[`${META}Status`]!;
  const flunder = { type: "object", properties: { status: ref(`${META}Status`) } };
  const both = await merged(
    part("/apis/example.com/v1/flunders", { "com.example.Flunder": flunder, [`${META}Status`]: status }),
  );
  assert.deepEqual(
    Object.keys(both.definitions).filter((name) => !(name in own.definitions)),
    ["com.example.Flunder"],
  );
  assert.ok("/apis/example.com/v1/flunders" in both.paths);
  assert.deepEqual(both.definitions["com.example.Flunder"], flunder);
});

test("withParts gives a definition that means something else another name, wherever it is referred to", async () => {
  const flunder = { properties: { status: ref(`${META}Status`) } };
  const other = { [`${META}Status`]: { type: "string" } };
  const third = { [`${META}Status`]: { type: "number" } };
  const { definitions, paths } = await merged(
    part("/apis/a/v1/x", { "a.X": flunder, ...other }),
    part("/apis/b/v1/x", { "b.X": flunder, ...other }),
    part("/apis/c/v1/x", { "c.X": flunder, ...third }),
    part("/apis/apps/v1/deployments", { "d.X": {} }),
  );
  assert.deepEqual(definitions["a.X"], { properties: { status: ref(`${META}Status_v2`) } });
  assert.deepEqual(definitions["b.X"], definitions["a.X"]);
  assert.deepEqual(definitions["c.X"], { properties: { status: ref(`${META}Status_v3`) } });
  assert.deepEqual(definitions[`${META}Status_v2`], { type: "string" });
  assert.deepEqual(definitions[`${META}Status_v3`], { type: "number" });
  assert.notDeepEqual(definitions[`${META}Status`], { type: "string" });
  assert.ok(!JSON.stringify(paths["/apis/apps/v1/deployments"]).includes("d.X"));
});

test("encodable leaves out what protobuf cannot say, and the document stands", async () => {
  const odd = part("/apis/a/v1/x", { "a.X": { type: "object", unheardOf: true }, "a.Y": { type: "object" } });
  const chunks: Uint8Array[] = [];
  for await (const chunk of protobufV2(encodable(await withParts(source, [odd])))) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  assert.ok(bytes.includes("a.Y"));
  assert.equal(bytes.includes("unheardOf"), false);
});
