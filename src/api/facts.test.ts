import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldOf, type Schema } from "#apimachinery";
import { allDefinitions, lookup, lookupType, resourcesOf, type StructFacts } from "./facts.ts";
import { unpackDefinition } from "./packed-facts.ts";

function itemsOf(schema: Schema | undefined): StructFacts {
  assert.ok(schema?.type === "list" && schema.items.type === "struct");
  return schema.items as StructFacts;
}

test("lookup finds a kind by its group, version and kind", () => {
  const deployment = lookup({ group: "apps", version: "v1", kind: "Deployment" });
  assert.equal(deployment?.definition, "io.k8s.api.apps.v1.Deployment");
  assert.deepEqual(deployment.gvk, { group: "apps", version: "v1", kind: "Deployment" });
  assert.equal(lookup({ group: "apps", version: "v1", kind: "Deploymant" }), undefined);
  assert.equal(lookup({ group: "apps", version: "v9", kind: "Deployment" }), undefined);
});

test("lookupType tells merge keys, list types, defaults and protobuf numbers", () => {
  const container = itemsOf(lookupType("core/v1", "PodSpec")?.fields.get("containers")?.schema);
  const ports = container.fields.get("ports")!;
  assert.equal(ports.patchMergeKey, "containerPort");
  assert.deepEqual(ports.patchStrategy, ["merge"]);
  assert.deepEqual(ports.protobuf, [6]);
  assert.ok(ports.schema.type === "list");
  assert.equal(ports.schema.listType, "map");
  assert.deepEqual(ports.schema.listMapKeys, ["containerPort", "protocol"]);
  assert.equal(fieldOf(ports.schema.items, "protocol")?.default, "TCP");
});

test("lookupType gives the path of protobuf numbers where JSON inlines a struct", () => {
  assert.deepEqual(lookupType("core/v1", "Volume")?.fields.get("emptyDir")?.protobuf, [2, 2]);
  assert.deepEqual(lookupType("core/v1", "EphemeralContainer")?.fields.get("image")?.protobuf, [1, 2]);
});

test("lookupType marks lists that are messages of their own", () => {
  const extra = lookupType("authentication/v1", "UserInfo")?.fields.get("extra")?.schema;
  assert.ok(extra?.type === "map" && extra.values.type === "list");
  assert.equal(extra.values.wrapped, true);
});

test("allDefinitions unpacks without a loose end", () => {
  const definitions = allDefinitions();
  assert.ok(definitions.length > 700);
  for (const definition of definitions) {
    for (const field of definition.fields.values()) assert.ok(field.schema.type, definition.definition);
  }
});

test("resourcesOf tells the kinds that subresources speak", () => {
  const pods = resourcesOf("", "v1").find((resource) => resource.plural === "pods");
  const eviction = pods?.subresources.find((subresource) => subresource.name === "eviction");
  assert.deepEqual(eviction?.gvk, { group: "policy", version: "v1", kind: "Eviction" });
  assert.deepEqual(eviction.verbs, ["create"]);
});

test("unpackDefinition reads every part of the grammar", () => {
  const { kind, mapType, fields } = unpackDefinition(
    '^ %atomic a:*[<B>]!+@2.1;l=map;k=x,y;p=merge,retainKeys;g=x;d="a;d=b" b:~[s(Verb)] c:{<meta/v1#Time>} d:I',
    "g/v1",
  );
  assert.equal(kind, "one");
  assert.equal(mapType, "atomic");
  const [a, b, c, d] = fields;
  assert.deepEqual(a, {
    name: "a",
    shape: { is: "list", of: { is: "ref", ref: "g/v1#B" }, wrapped: false },
    pointer: true,
    required: true,
    omitEmpty: false,
    protobuf: [2, 1],
    listType: "map",
    listMapKeys: ["x", "y"],
    mapType: undefined,
    patchStrategy: ["merge", "retainKeys"],
    patchMergeKey: "x",
    default: "a;d=b",
  });
  assert.deepEqual(b?.shape, {
    is: "list",
    of: { is: "scalar", scalar: "string", name: "Verb" },
    wrapped: true,
  });
  assert.deepEqual(c?.shape, { is: "map", of: { is: "ref", ref: "meta/v1#Time" } });
  assert.deepEqual(d?.shape, { is: "scalar", scalar: "intOrString", name: undefined });
});
