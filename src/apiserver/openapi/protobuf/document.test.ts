import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs";
import { scheme } from "#api";
import { documentParts, jsonText, type DocumentSource } from "../document.ts";
import { protobufV2 } from "./document.ts";

// What a reader knows of gnostic's openapi.v2, with names of our own for the parts between.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Document { string swagger = 1; Info info = 2; Paths paths = 8; Schemas definitions = 9; Keys securityDefinitions = 13; }
  message Info { string title = 1; string version = 2; }
  message Keys { repeated NamedKey entries = 1; }
  message NamedKey { string name = 1; KeyItem value = 2; }
  message KeyItem { Key apiKey = 2; }
  message Key { string type = 1; string name = 2; string in = 3; }
  message Paths { repeated NamedPath entries = 2; }
  message NamedPath { string name = 1; Path value = 2; }
  message Path { Operation get = 2; Operation patch = 8; repeated ParameterItem parameters = 9; }
  message Operation { repeated string tags = 1; string operationId = 5; repeated string consumes = 7; repeated ParameterItem parameters = 8; Responses responses = 9; repeated Extension extensions = 13; }
  message ParameterItem { Parameter parameter = 1; }
  message Parameter { Body body = 1; NonBody nonBody = 2; }
  message Body { string name = 2; string in = 3; bool required = 4; Schema schema = 5; }
  message NonBody { Query query = 3; PathParameter path = 4; }
  message Query { string in = 2; string name = 4; string type = 6; bool uniqueItems = 20; }
  message PathParameter { bool required = 1; string in = 2; string name = 4; string type = 5; }
  message Responses { repeated NamedResponse entries = 1; }
  message NamedResponse { string name = 1; ResponseItem value = 2; }
  message ResponseItem { Response response = 1; }
  message Response { string description = 1; SchemaItem schema = 2; }
  message SchemaItem { Schema schema = 1; }
  message Extension { string name = 1; Any value = 2; }
  message Any { string yaml = 2; }
  message Schemas { repeated NamedSchema entries = 1; }
  message NamedSchema { string name = 1; Schema value = 2; }
  message Schema { string ref = 1; string format = 2; repeated string required = 19; More additionalProperties = 21; Types type = 22; Items items = 23; Schemas properties = 25; repeated Extension extensions = 31; }
  message More { Schema schema = 1; }
  message Types { repeated string value = 1; }
  message Items { repeated Schema schema = 1; }
`);

interface Named<T> {
  readonly entries: readonly { readonly name: string; readonly value: T }[];
}
interface Schema {
  readonly ref?: string;
  readonly required?: readonly string[];
  readonly properties?: Named<Schema>;
}
interface Decoded {
  readonly swagger: string;
  readonly info: object;
  readonly paths: Named<Readonly<Record<string, unknown>>>;
  readonly definitions: Named<Schema>;
  readonly securityDefinitions: Named<object>;
}

const source: DocumentSource = {
  dialect: "v2",
  parts: [documentParts(scheme).get("apis/apps/v1")!],
  prose: undefined,
};

async function decoded(): Promise<Decoded> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of protobufV2(source)) chunks.push(chunk);
  const type = root.lookupType("Document");
  return type.toObject(type.decode(Buffer.concat(chunks))) as Decoded;
}

test("protobufV2 has the paths and definitions of the JSON document", async () => {
  let text = "";
  for await (const piece of jsonText(source)) text += piece;
  const json = JSON.parse(text) as { paths: object; definitions: object };
  const { swagger, info, paths, definitions, securityDefinitions } = await decoded();
  assert.equal(swagger, "2.0");
  assert.deepEqual(info, { title: "Kubernetes", version: "unversioned" });
  assert.deepEqual(
    paths.entries.map(({ name }) => name),
    Object.keys(json.paths),
  );
  assert.deepEqual(
    definitions.entries.map(({ name }) => name),
    Object.keys(json.definitions),
  );
  assert.deepEqual(securityDefinitions.entries, [
    { name: "BearerToken", value: { apiKey: { type: "apiKey", name: "authorization", in: "header" } } },
  ]);
});

test("protobufV2 writes a schema with its properties and extensions", async () => {
  const { definitions } = await decoded();
  const find = (name: string): Schema => definitions.entries.find((entry) => entry.name === name)!.value;
  const spec = find("io.k8s.api.apps.v1.DeploymentSpec");
  assert.deepEqual(spec.required, ["selector", "template"]);
  const property = (name: string): unknown =>
    spec.properties?.entries.find((entry) => entry.name === name)?.value;
  assert.deepEqual(property("replicas"), { type: { value: ["integer"] }, format: "int32" });
  assert.deepEqual(property("strategy"), {
    ref: "#/definitions/io.k8s.api.apps.v1.DeploymentStrategy",
    extensions: [{ name: "x-kubernetes-patch-strategy", value: { yaml: '"retainKeys"\n' } }],
  });
  const labels = find("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta").properties?.entries.find(
    ({ name }) => name === "labels",
  );
  assert.deepEqual(labels?.value, {
    type: { value: ["object"] },
    additionalProperties: { schema: { type: { value: ["string"] } } },
  });
});

test("protobufV2 writes an operation with its parameters, answers and kind", async () => {
  const { paths } = await decoded();
  const path = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}";
  const item = paths.entries.find(({ name }) => name === path)!.value;
  const patch = item["patch"] as Readonly<Record<string, unknown>>;
  assert.equal(patch["operationId"], "patchAppsV1NamespacedDeployment");
  const parameters = patch["parameters"] as readonly unknown[];
  assert.deepEqual(parameters[0], {
    parameter: {
      body: {
        name: "body",
        in: "body",
        required: true,
        schema: { ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Patch" },
      },
    },
  });
  assert.deepEqual(parameters[3], {
    parameter: {
      nonBody: { query: { in: "query", name: "fieldValidation", type: "string", uniqueItems: true } },
    },
  });
  assert.deepEqual((patch["responses"] as Named<unknown>).entries[0], {
    name: "200",
    value: {
      response: {
        description: "OK",
        schema: { schema: { ref: "#/definitions/io.k8s.api.apps.v1.Deployment" } },
      },
    },
  });
  assert.deepEqual(patch["extensions"], [
    { name: "x-kubernetes-action", value: { yaml: '"patch"\n' } },
    {
      name: "x-kubernetes-group-version-kind",
      value: { yaml: '{"group":"apps","kind":"Deployment","version":"v1"}\n' },
    },
  ]);
});
