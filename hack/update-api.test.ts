import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { generate, outdated } from "./update-api.ts";
import type { Swagger } from "./update-api/definitions.ts";
import { parseGo } from "./update-api/go-types.ts";

const GO = `package v1
type Shape string
const Round Shape = "round"
type Base struct {
	// +default=ref(Round)
	Shape Shape \`json:"shape,omitempty" protobuf:"bytes,1,opt,name=shape"\`
}
type Widget struct {
	metav1.TypeMeta \`json:",inline"\`
	metav1.ObjectMeta \`json:"metadata,omitempty" protobuf:"bytes,1,opt,name=metadata"\`
	Spec WidgetSpec \`json:"spec" protobuf:"bytes,2,opt,name=spec"\`
}
type WidgetSpec struct {
	Base \`json:",inline" protobuf:"bytes,7,opt,name=base"\`
	// +default=1
	Size *int32 \`json:"size,omitempty" protobuf:"varint,2,opt,name=size"\`
	Parts []Part \`json:"parts" protobuf:"bytes,3,rep,name=parts"\`
}
`;
const swagger: Swagger = {
  definitions: {
    "io.k8s.api.toys.v1.Widget": {
      type: "object",
      properties: {
        apiVersion: { type: "string" },
        kind: { type: "string" },
        metadata: { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
        spec: { $ref: "#/definitions/io.k8s.api.toys.v1.WidgetSpec" },
      },
      required: ["spec"],
      "x-kubernetes-group-version-kind": [{ group: "toys.example", version: "v1", kind: "Widget" }],
    },
    "io.k8s.api.toys.v1.WidgetSpec": {
      type: "object",
      properties: {
        size: { type: "integer", format: "int32" },
        shape: { type: "string" },
        parts: {
          type: "array",
          items: { type: "string" },
          "x-kubernetes-list-type": "set",
          "x-kubernetes-patch-strategy": "merge",
        },
      },
      required: ["parts"],
    },
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {
      type: "object",
      properties: { name: { type: "string" } },
    },
  },
  paths: {
    "/apis/toys.example/v1/namespaces/{namespace}/widgets": {
      get: operation("list"),
      post: operation("post"),
    },
    "/apis/toys.example/v1/namespaces/{namespace}/widgets/{name}/status": { put: operation("put") },
  },
};

function operation(action: string): Swagger["paths"][string][string] {
  const gvk = { group: "toys.example", version: "v1", kind: "Widget" };
  return { "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk };
}

function withSources(run: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), "update-api-"));
  try {
    mkdirSync(join(dir, "api/toys/v1"), { recursive: true });
    writeFileSync(join(dir, "api/toys/v1/types.go"), GO);
    mkdirSync(join(dir, "apimachinery/pkg/apis/meta/v1"), { recursive: true });
    run(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test("generate packs facts and prints types", () => {
  withSources((dir) => {
    const files = generate(swagger, dir);
    const facts = files.get("toys/v1/facts.gen.ts")!;
    assert.match(facts, /'shape:s\(Shape\)@7\.1;d="round" size:\*i@2;d=1 parts:\[s\]!\+@3;l=set;p=merge'/);
    assert.match(facts, /widgets: 'Widget N cl status=toys\.example\/v1\/Widget:u'/);
    const types = files.get("toys/v1/types.gen.ts")!;
    assert.match(
      types,
      /export interface Widget extends KubeObject \{\n {2}readonly apiVersion: "toys\.example\/v1";/,
    );
    assert.match(types, /readonly size\?: number;/);
    assert.match(types, /readonly parts: readonly string\[\];/);
  });
});

test("outdated names what is missing and what differs, and nothing else", () => {
  withSources((dir) => {
    const files = generate(swagger, dir);
    const out = join(dir, "out");
    assert.deepEqual(outdated(out, files), [...files.keys()]);
    for (const [path, text] of files) {
      mkdirSync(join(out, path, ".."), { recursive: true });
      writeFileSync(join(out, path), text);
    }
    assert.deepEqual(outdated(out, files), []);
    writeFileSync(join(out, "toys/v1/facts.gen.ts"), "// edited\n");
    assert.deepEqual(outdated(out, files), ["toys/v1/facts.gen.ts"]);
  });
});

test("generate says which source is missing", () => {
  assert.throws(() => generate(swagger, "/nowhere"), /no Go source for io\.k8s\.api\.toys\.v1/);
});

test("parseGo reads tags, pointers, defaults and aliases", () => {
  const go = parseGo(GO);
  assert.equal(go.aliases.get("Shape"), "string");
  const size = go.structs.get("WidgetSpec")?.find((field) => field.json === "size");
  assert.deepEqual(size, {
    json: "size",
    type: "int32",
    pointer: true,
    omitEmpty: true,
    protobuf: 2,
    default: "1",
  });
});
