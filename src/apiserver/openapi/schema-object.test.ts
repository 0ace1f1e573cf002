import assert from "node:assert/strict";
import { test } from "node:test";
import { lookupType } from "#api";
import { definitionObject } from "./definitions.ts";
import { referencesOf, schemaObject, type Dialect } from "./schema-object.ts";

const CORE = "io.k8s.api.core.v1";
const META = "io.k8s.apimachinery.pkg.apis.meta.v1";

function property(folder: string, type: string, field: string, dialect: Dialect): unknown {
  const { properties } = schemaObject(lookupType(folder, type)!, dialect, []) as {
    readonly properties: Readonly<Record<string, unknown>>;
  };
  return properties[field];
}

function ref(name: string): object {
  return { $ref: `#/components/schemas/${name}` };
}

test("schemaObject writes each kind of field as upstream does", () => {
  const quantity = "io.k8s.apimachinery.pkg.api.resource.Quantity";
  const table: readonly (readonly [field: string, v3: object, v2: object])[] = [
    [
      "core/v1 ContainerPort containerPort",
      { type: "integer", format: "int32", default: 0 },
      { type: "integer", format: "int32" },
    ],
    ["core/v1 ContainerPort protocol", { type: "string", default: "TCP" }, { type: "string" }],
    ["core/v1 ContainerPort hostIP", { type: "string" }, { type: "string" }],
    [
      "apps/v1 DeploymentSpec replicas",
      { type: "integer", format: "int32" },
      { type: "integer", format: "int32" },
    ],
    [
      "apps/v1 DeploymentSpec strategy",
      {
        allOf: [ref("io.k8s.api.apps.v1.DeploymentStrategy")],
        default: {},
        "x-kubernetes-patch-strategy": "retainKeys",
      },
      {
        $ref: "#/definitions/io.k8s.api.apps.v1.DeploymentStrategy",
        "x-kubernetes-patch-strategy": "retainKeys",
      },
    ],
    [
      "apps/v1 DeploymentSpec selector",
      { allOf: [ref(`${META}.LabelSelector`)] },
      { $ref: `#/definitions/${META}.LabelSelector` },
    ],
    [
      "core/v1 PodSpec volumes",
      {
        type: "array",
        items: { allOf: [ref(`${CORE}.Volume`)], default: {} },
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-patch-merge-key": "name",
        "x-kubernetes-patch-strategy": "merge,retainKeys",
      },
      {
        type: "array",
        items: { $ref: `#/definitions/${CORE}.Volume` },
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-patch-merge-key": "name",
        "x-kubernetes-patch-strategy": "merge,retainKeys",
      },
    ],
    [
      "core/v1 PodSpec nodeSelector",
      {
        type: "object",
        additionalProperties: { type: "string", default: "" },
        "x-kubernetes-map-type": "atomic",
      },
      { type: "object", additionalProperties: { type: "string" }, "x-kubernetes-map-type": "atomic" },
    ],
    [
      "core/v1 ResourceRequirements limits",
      { type: "object", additionalProperties: { allOf: [ref(quantity)], default: {} } },
      { type: "object", additionalProperties: { $ref: `#/definitions/${quantity}` } },
    ],
    [
      "core/v1 Secret data",
      { type: "object", additionalProperties: { type: "string", format: "byte" } },
      { type: "object", additionalProperties: { type: "string", format: "byte" } },
    ],
    [
      "meta/v1 ObjectMeta creationTimestamp",
      { allOf: [ref(`${META}.Time`)], default: {} },
      { $ref: `#/definitions/${META}.Time` },
    ],
    [
      "meta/v1 ObjectMeta deletionTimestamp",
      { allOf: [ref(`${META}.Time`)] },
      { $ref: `#/definitions/${META}.Time` },
    ],
    [
      "core/v1 EndpointAddress targetRef",
      { allOf: [ref(`${CORE}.ObjectReference`)] },
      { $ref: `#/definitions/${CORE}.ObjectReference` },
    ],
  ];
  for (const [field, v3, v2] of table) {
    const [folder = "", type = "", name = ""] = field.split(" ");
    assert.deepEqual(property(folder, type, name, "v3"), v3, `${field} in v3`);
    assert.deepEqual(property(folder, type, name, "v2"), v2, `${field} in v2`);
  }
});

test("schemaObject names the kinds that a definition is, and what it requires", () => {
  const gvk = { group: "apps", version: "v1", kind: "Deployment" };
  const { properties, ...rest } = schemaObject(lookupType("apps/v1", "Deployment")!, "v3", [gvk]);
  assert.deepEqual(rest, { type: "object", "x-kubernetes-group-version-kind": [gvk] });
  assert.deepEqual(Object.keys(properties as object).toSorted(), [
    "apiVersion",
    "kind",
    "metadata",
    "spec",
    "status",
  ]);
  const spec = schemaObject(lookupType("apps/v1", "DeploymentSpec")!, "v3", []);
  assert.deepEqual(spec["required"], ["selector", "template"]);
  assert.equal(
    schemaObject(lookupType("meta/v1", "LabelSelector")!, "v2", [])["x-kubernetes-map-type"],
    "atomic",
  );
});

test("referencesOf names definitions, those of scalars and of free-form fields too", () => {
  const refs = referencesOf(lookupType("apps/v1", "RollingUpdateDeployment")!);
  assert.deepEqual([...new Set(refs)], ["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]);
  const json = referencesOf(lookupType("apiextensions/v1", "JSONSchemaProps")!).map((name) =>
    name.split(".").at(-1),
  );
  for (const name of [
    "JSON",
    "JSONSchemaPropsOrArray",
    "JSONSchemaPropsOrBool",
    "JSONSchemaPropsOrStringArray",
  ]) {
    assert.ok(json.includes(name), name);
  }
});

test("definitionObject describes a field of which nothing is said by its type in version 2, once in version 3", async () => {
  const texts = new Map([
    ["io.k8s.api.apps.v1.Deployment", { text: "of it", fields: new Map([["kind", "of kind"]]) }],
    ["io.k8s.api.apps.v1.DeploymentSpec", { text: "of the spec", fields: new Map() }],
  ]);
  const prose = { id: "test", of: (definition: string) => Promise.resolve(texts.get(definition)) };
  for (const dialect of ["v2", "v3"] as const) {
    const made = await definitionObject("io.k8s.api.apps.v1.Deployment", dialect, prose);
    const properties = made["properties"] as Readonly<Record<string, { readonly description?: string }>>;
    assert.equal(made["description"], "of it");
    assert.equal(properties["kind"]?.description, "of kind");
    assert.equal(properties["spec"]?.description, dialect === "v2" ? "of the spec" : undefined);
    assert.equal(properties["status"]?.description, undefined);
  }
});

test("definitionObject refuses a name that nobody knows", async () => {
  await assert.rejects(
    definitionObject("io.k8s.api.core.v1.Nothing", "v3"),
    /no definition io.k8s.api.core.v1.Nothing/,
  );
});
