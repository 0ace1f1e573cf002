/** What OpenAPI says of custom resources, and what kubectl makes of it. */
import assert from "node:assert/strict";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from "#api/apiextensions/v1/types.gen";
import { conformance, newCustomKind, type ConformanceContext, type CustomKind } from "../harness/index.ts";

type Definition = Readonly<Record<string, unknown>>;

const WITH_FIELDS: JSONSchemaProps = {
  type: "object",
  description: "A gadget for testing",
  properties: {
    spec: {
      type: "object",
      description: "What is wanted of a gadget",
      properties: {
        bars: {
          type: "array",
          description: "The bars of a gadget, and their specs",
          items: {
            type: "object",
            required: ["name"],
            properties: {
              name: { type: "string", description: "Name of a bar" },
              age: { type: "string", description: "Age of a bar" },
              feeling: { type: "string", enum: ["Great", "Down"] },
            },
          },
        },
      },
    },
    status: { type: "object", description: "How a gadget is" },
  },
};
const OPEN: JSONSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

/** Names that kubectl cannot take for another test's. */
function newKind(
  t: ConformanceContext,
  schema: JSONSchemaProps,
  options: { readonly group?: string; readonly suffix?: string } = {},
): Promise<CustomKind> {
  const { group, suffix = "" } = options;
  const singular = `${t.unique}${suffix}`;
  const kind = `Gadget${t.unique}${suffix}`;
  const names = { plural: `${singular}s`, singular, kind, listKind: `${kind}List` };
  return newCustomKind(t, { schema, spec: { names }, ...(group !== undefined && { group }) });
}

function definitionName(crd: CustomResourceDefinition, version = "v1"): string {
  const { group, names } = crd.spec;
  return `${group.split(".").toReversed().join(".")}.${version}.${names.kind}`;
}

async function definitionsV2(t: ConformanceContext): Promise<Readonly<Record<string, Definition>>> {
  const answer = await t.http({ path: "/openapi/v2" });
  assert.equal(answer.status, 200);
  return (answer.json() as { readonly definitions: Readonly<Record<string, Definition>> }).definitions;
}

async function schemasV3(
  t: ConformanceContext,
  crd: CustomResourceDefinition,
  version = "v1",
): Promise<Readonly<Record<string, Definition>> | undefined> {
  const index = (await t.http({ path: "/openapi/v3" })).json() as {
    readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
  };
  const entry = index.paths[`apis/${crd.spec.group}/${version}`];
  if (entry === undefined) return undefined;
  const answer = await t.http({ path: entry.serverRelativeURL });
  assert.equal(answer.status, 200, answer.text);
  const { components } = answer.json() as {
    readonly components: { readonly schemas: Readonly<Record<string, Definition>> };
  };
  return components.schemas;
}

function gvk({ spec }: CustomResourceDefinition, version = "v1"): readonly object[] {
  return [{ group: spec.group, version, kind: spec.names.kind }];
}

/** As both versions of OpenAPI show it, without the metadata that all objects have. */
async function published(
  t: ConformanceContext,
  crd: CustomResourceDefinition,
): Promise<{ readonly v2: Definition; readonly v3: Definition }> {
  const name = definitionName(crd);
  const [v2, v3] = [(await definitionsV2(t))[name], (await schemasV3(t, crd))?.[name]];
  assert.ok(v2 !== undefined && v3 !== undefined, `${name} is published`);
  for (const each of [v2, v3]) assert.deepEqual(each["x-kubernetes-group-version-kind"], gvk(crd));
  return { v2, v3 };
}

function properties(definition: Definition): Readonly<Record<string, Definition>> {
  return (definition["properties"] ?? {}) as Readonly<Record<string, Definition>>;
}

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

async function bothPublished(t: ConformanceContext, customs: readonly CustomKind[]): Promise<void> {
  const v2 = await definitionsV2(t);
  for (const { crd } of customs) {
    const v3 = await schemasV3(t, crd);
    for (const name of [definitionName(crd), `${definitionName(crd)}List`]) {
      assert.ok(v2[name] !== undefined, `${name} in version 2`);
      assert.ok(v3?.[name] !== undefined, `${name} in version 3`);
    }
    assert.match(
      await t.kubectl("explain", `${crd.spec.names.plural}.${crd.spec.group}`),
      new RegExp(`GROUP:\\s+${crd.spec.group}\\n`),
    );
  }
}

conformance(
  "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of different groups",
  async (t) => {
    const customs = [];
    for (const label of ["one", "two"])
      customs.push(await newKind(t, WITH_FIELDS, { group: `${label}.${t.unique}.example.com` }));
    await bothPublished(t, customs);
  },
);

conformance(
  "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of same group and version but different kinds",
  async (t) => {
    const customs = [await newKind(t, WITH_FIELDS, { suffix: "a" }), await newKind(t, OPEN, { suffix: "b" })];
    await bothPublished(t, customs);
    const v3 = await schemasV3(t, customs[0]!.crd);
    assert.deepEqual(
      Object.keys(v3!)
        .filter((name) => name.startsWith("com.example."))
        .toSorted(),
      [...customs.flatMap(({ crd }) => [definitionName(crd), `${definitionName(crd)}List`])],
    );
  },
);

function version(name: string, storage: boolean, schema: JSONSchemaProps): CustomResourceDefinitionVersion {
  return { name, served: true, storage, schema: { openAPIV3Schema: schema } };
}

/** `v1` with fields, `v2` without. */
function newVersions(t: ConformanceContext): Promise<CustomKind> {
  const kind = `Gadget${t.unique}`;
  const names = { plural: `${t.unique}s`, singular: t.unique, kind, listKind: `${kind}List` };
  return newCustomKind(t, {
    versions: [version("v1", true, WITH_FIELDS), version("v2", false, OPEN)],
    spec: { names },
  });
}

async function publishVersions(
  t: ConformanceContext,
  { crd }: CustomKind,
  versions: readonly CustomResourceDefinitionVersion[],
): Promise<void> {
  const body = { spec: { versions } };
  const ref = { name: crd.metadata.name };
  await t.client.patch(CustomResourceDefinitions, ref, { type: "merge", body }, t.signal);
}

conformance(
  "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of same group but different versions",
  async (t) => {
    const { crd } = await newVersions(t);
    const definitions = await definitionsV2(t);
    for (const each of ["v1", "v2"]) {
      const name = definitionName(crd, each);
      const shown = [definitions[name], (await schemasV3(t, crd, each))?.[name]];
      for (const definition of shown)
        assert.deepEqual(definition?.["x-kubernetes-group-version-kind"], gvk(crd, each));
    }
    assert.ok("spec" in properties(definitions[definitionName(crd, "v1")]!));
    assert.ok(!("spec" in properties(definitions[definitionName(crd, "v2")]!)));
    const { plural } = crd.spec.names;
    const explain = (each: string): Promise<string> =>
      t.kubectl("explain", plural, `--api-version=${crd.spec.group}/${each}`);
    assert.match(await explain("v1"), /VERSION:\s+v1\s+DESCRIPTION:\s+A gadget for testing/);
    assert.match(await explain("v2"), /VERSION:\s+v2\s+DESCRIPTION:\s+<empty>/);
  },
);

conformance(
  "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] updates the published spec when one version gets renamed",
  async (t) => {
    const custom = await newVersions(t);
    const { crd } = custom;
    const before = (await schemasV3(t, crd, "v1"))?.[definitionName(crd)];
    await publishVersions(t, custom, [version("v1", true, WITH_FIELDS), version("v3", false, OPEN)]);
    const definitions = await definitionsV2(t);
    assert.ok(definitions[definitionName(crd, "v3")] !== undefined);
    assert.equal(definitions[definitionName(crd, "v2")], undefined);
    assert.deepEqual(
      (await schemasV3(t, crd, "v1"))?.[definitionName(crd)],
      before,
      "the other one is as it was",
    );
    assert.ok((await schemasV3(t, crd, "v3"))?.[definitionName(crd, "v3")] !== undefined);
    assert.equal(await schemasV3(t, crd, "v2"), undefined);
    const explained = await t.kubectl("explain", crd.spec.names.plural, `--api-version=${crd.spec.group}/v3`);
    assert.match(explained, /VERSION:\s+v3/);
  },
);

conformance(
  "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] removes definition from spec when one version gets changed to not be served",
  async (t) => {
    const custom = await newVersions(t);
    const { crd } = custom;
    const before = (await definitionsV2(t))[definitionName(crd)];
    assert.ok(before !== undefined);
    await publishVersions(t, custom, [
      version("v1", true, WITH_FIELDS),
      { ...version("v2", false, OPEN), served: false },
    ]);
    const definitions = await definitionsV2(t);
    assert.deepEqual(definitions[definitionName(crd)], before, "the other one is as it was");
    for (const suffix of ["", "List"])
      assert.equal(definitions[`${definitionName(crd, "v2")}${suffix}`], undefined);
    assert.equal(await schemasV3(t, crd, "v2"), undefined);
    assert.ok((await schemasV3(t, crd, "v1")) !== undefined);
  },
);
