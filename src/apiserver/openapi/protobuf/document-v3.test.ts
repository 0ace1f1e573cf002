import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs";
import { protobufV3 } from "./document-v3.ts";

// What a reader knows of gnostic's openapi.v3, with names of our own for the parts between.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Document { string openapi = 1; Info info = 2; Paths paths = 4; Components components = 5; }
  message Info { string title = 1; string version = 6; }
  message Paths { repeated NamedPath path = 1; }
  message NamedPath { string name = 1; Path value = 2; }
  message Path { Operation get = 4; repeated ParameterItem parameters = 13; }
  message Operation { repeated string tags = 1; string operationId = 5; BodyItem requestBody = 7; Responses responses = 8; repeated Extension extensions = 13; }
  message ParameterItem { Parameter parameter = 1; }
  message Parameter { string name = 1; string in = 2; bool required = 4; SchemaItem schema = 10; }
  message BodyItem { Body body = 1; }
  message Body { MediaTypes content = 2; }
  message Responses { ResponseItem fallback = 1; repeated NamedResponse entries = 2; }
  message NamedResponse { string name = 1; ResponseItem value = 2; }
  message ResponseItem { Response response = 1; }
  message Response { string description = 1; MediaTypes content = 3; }
  message MediaTypes { repeated NamedMediaType entries = 1; }
  message NamedMediaType { string name = 1; MediaType value = 2; }
  message MediaType { SchemaItem schema = 1; }
  message Extension { string name = 1; Any value = 2; }
  message Any { string yaml = 2; }
  message Components { Schemas schemas = 1; }
  message Schemas { repeated NamedSchema entries = 1; }
  message NamedSchema { string name = 1; SchemaItem value = 2; }
  message SchemaItem { Schema schema = 1; Reference reference = 2; }
  message Reference { string ref = 1; }
  message Schema { repeated string required = 23; string type = 25; repeated SchemaItem allOf = 26; Items items = 30; Schemas properties = 31; More additionalProperties = 32; Default default = 33; repeated Extension extensions = 36; }
  message Items { repeated SchemaItem schema = 1; }
  message More { SchemaItem schema = 1; bool boolean = 2; }
  message Default { double number = 1; bool boolean = 2; string string = 3; }
`);

const REF = { $ref: "#/components/schemas/Other" };

test("protobufV3() says what the JSON says, in gnostic's messages", () => {
  const content = { "application/json": { schema: REF } };
  const document = {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1" },
    paths: {
      "/a": {
        get: {
          tags: ["a"],
          operationId: "getA",
          requestBody: { content },
          responses: { 200: { description: "OK", content }, default: { description: "no" } },
          "x-kubernetes-action": "get",
        },
        parameters: [{ name: "n", in: "path", required: true, schema: { type: "string" } }],
      },
    },
    components: {
      schemas: {
        A: {
          type: "object",
          required: ["b"],
          properties: { b: { type: "array", items: REF }, c: { allOf: [REF], default: {} } },
          additionalProperties: { type: "string", default: "x" },
          "x-kubernetes-group-version-kind": [{ kind: "A" }],
          unheardOf: true,
        },
        B: { type: "object", additionalProperties: true },
      },
    },
  };
  const message = root.lookupType("Document").decode(Buffer.concat([...protobufV3(document)]));
  const other = { reference: { ref: REF.$ref } };
  const types = { entries: [{ name: "application/json", value: { schema: other } }] };
  assert.deepEqual(message.toJSON(), {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1" },
    paths: {
      path: [
        {
          name: "/a",
          value: {
            get: {
              tags: ["a"],
              operationId: "getA",
              requestBody: { body: { content: types } },
              responses: {
                fallback: { response: { description: "no" } },
                entries: [{ name: "200", value: { response: { description: "OK", content: types } } }],
              },
              extensions: [{ name: "x-kubernetes-action", value: { yaml: '"get"\n' } }],
            },
            parameters: [
              {
                parameter: {
                  name: "n",
                  in: "path",
                  required: true,
                  schema: { schema: { type: "string" } },
                },
              },
            ],
          },
        },
      ],
    },
    components: {
      schemas: {
        entries: [
          {
            name: "A",
            value: {
              schema: {
                required: ["b"],
                type: "object",
                properties: {
                  entries: [
                    { name: "b", value: { schema: { type: "array", items: { schema: [other] } } } },
                    { name: "c", value: { schema: { allOf: [other], default: {} } } },
                  ],
                },
                additionalProperties: { schema: { schema: { type: "string", default: { string: "x" } } } },
                extensions: [
                  { name: "x-kubernetes-group-version-kind", value: { yaml: '[{"kind":"A"}]\n' } },
                ],
              },
            },
          },
          {
            name: "B",
            value: { schema: { type: "object", additionalProperties: { boolean: true } } },
          },
        ],
      },
    },
  });
});
