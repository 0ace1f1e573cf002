/** What OpenAPI says of a custom resource, and what kubectl makes of it. */
import assert from "node:assert/strict";
import type { JSONSchemaProps } from "#api/apiextensions/v1/types.gen";
import { conformance, type ConformanceContext, type CustomKind } from "../harness/index.ts";
import { gvk, newKind, OPEN, properties, published, WITH_FIELDS } from "./custom-resource-openapi-fixture.ts";

/** kubectl's verdict on an object, with validation at its strictest. */
async function tryCreate(
  t: ConformanceContext,
  { crd }: CustomKind,
  name: string,
  fields: object,
): Promise<string> {
  const { group, names } = crd.spec;
  const object = { apiVersion: `${group}/v1`, kind: names.kind, metadata: { name }, ...fields };
  const input = JSON.stringify(object);
  const { code, stdout, stderr } = await t.tryKubectl(["create", "--validate=strict", "-f", "-"], { input });
  if (code === 0) {
    const applied = await t.tryKubectl(["apply", "--validate=strict", "-f", "-"], { input });
    assert.equal(applied.code, 0, applied.stderr);
  }
  return code === 0 ? stdout : stderr;
}

conformance(
  "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD with validation schema",
  async (t) => {
    const custom = await newKind(t, WITH_FIELDS);
    const { v2, v3 } = await published(t, custom.crd);
    for (const each of [v2, v3]) {
      assert.equal(each["type"], "object");
      assert.equal(each["description"], WITH_FIELDS.description);
      assert.deepEqual(Object.keys(properties(each)).toSorted(), [
        "apiVersion",
        "kind",
        "metadata",
        "spec",
        "status",
      ]);
      const { spec, status } = WITH_FIELDS.properties!;
      assert.deepEqual([properties(each)["spec"], properties(each)["status"]], [spec, status]);
    }
    const bars = [{ name: "b", age: "10", feeling: "Great" }];
    assert.match(await tryCreate(t, custom, "good", { spec: { bars } }), /\/good created/);
    assert.match(await tryCreate(t, custom, "unknown", { spec: { foo: true } }), /unknown field "spec\.foo"/);
    assert.match(
      await tryCreate(t, custom, "missing", { spec: { bars: [{ age: "1" }] } }),
      /spec\.bars\[0\]\.name: Required value/,
    );
    assert.match(
      await tryCreate(t, custom, "wrong", { spec: { bars: [{ name: "b", feeling: "Off" }] } }),
      /spec\.bars\[0\]\.feeling: Unsupported value: "Off": supported values: "Great", "Down"/,
    );
    const { plural } = custom.crd.spec.names;
    assert.match(await t.kubectl("explain", plural), /DESCRIPTION:\s+A gadget for testing/);
    const spec = await t.kubectl("explain", `${plural}.spec`);
    assert.match(
      spec,
      /DESCRIPTION:\s+What is wanted of a gadget\s+FIELDS:\s+bars\s+<\[\]Object>\s+The bars of a gadget/,
    );
    const item = await t.kubectl("explain", `${plural}.spec.bars`);
    assert.match(
      item,
      /age\s+<string>\s+Age of a bar[^]*feeling\s+<string>[^]*name\s+<string> -required-\s+Name of a bar/,
    );
    const none = await t.tryKubectl(["explain", `${plural}.spec.bars2`]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /field "bars2" does not exist/);
  },
);

conformance(
  "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD without validation schema",
  async (t) => {
    const custom = await newKind(t, OPEN);
    const { v2, v3 } = await published(t, custom.crd);
    assert.deepEqual(v2, { type: "object", "x-kubernetes-group-version-kind": gvk(custom.crd) });
    assert.deepEqual(Object.keys(properties(v3)).toSorted(), ["apiVersion", "kind", "metadata"]);
    const anything = { spec: { b: [{ c: 1 }] }, whatever: ["x"] };
    assert.match(await tryCreate(t, custom, "good", anything), /\/good created/);
    assert.match(await t.kubectl("explain", custom.crd.spec.names.plural), /DESCRIPTION:\s+<empty>/);
  },
);

conformance(
  "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD preserving unknown fields at the schema root",
  async (t) => {
    const custom = await newKind(t, { ...WITH_FIELDS, ...OPEN });
    const { v2, v3 } = await published(t, custom.crd);
    assert.deepEqual(properties(v2), {}, "clients of version 2 would refuse all other fields");
    assert.deepEqual(properties(v3)["spec"], WITH_FIELDS.properties!["spec"]);
    assert.equal(v3["x-kubernetes-preserve-unknown-fields"], true);
    const fields = { spec: { bars: [{ name: "b" }] }, whatever: { a: [1] } };
    assert.match(await tryCreate(t, custom, "good", fields), /\/good created/);
    assert.match(
      await tryCreate(t, custom, "bad", { spec: { bars: [{}] } }),
      /bars\[0\]\.name: Required value/,
    );
    assert.match(await t.kubectl("explain", custom.crd.spec.names.plural), /A gadget for testing/);
  },
);

conformance(
  "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD preserving unknown fields in an embedded object",
  async (t) => {
    const embedded: JSONSchemaProps = { ...OPEN, "x-kubernetes-embedded-resource": true };
    const schema: JSONSchemaProps = {
      ...WITH_FIELDS,
      properties: { ...WITH_FIELDS.properties, spec: embedded },
    };
    const custom = await newKind(t, schema);
    const { v2, v3 } = await published(t, custom.crd);
    assert.deepEqual(properties(v2)["spec"], {
      "x-kubernetes-embedded-resource": true,
      "x-kubernetes-preserve-unknown-fields": true,
    });
    const inside = properties(v3)["spec"]!;
    assert.deepEqual(Object.keys(properties(inside)).toSorted(), ["apiVersion", "kind", "metadata"]);
    assert.deepEqual(inside["required"], ["apiVersion", "kind"]);
    const spec = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { a: "Yg==" } };
    assert.match(await tryCreate(t, custom, "good", { spec }), /\/good created/);
    const { kind: _kind, ...kindless } = spec;
    assert.match(await tryCreate(t, custom, "bad", { spec: kindless }), /spec\.kind: Required value/);
    assert.match(
      await t.kubectl("explain", `${custom.crd.spec.names.plural}.spec`),
      /metadata\s+<ObjectMeta>/,
    );
  },
);
