/** OpenAPI with several custom resources, and versions of one that come and go. */
import assert from "node:assert/strict";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import type { CustomResourceDefinitionVersion, JSONSchemaProps } from "#api/apiextensions/v1/types.gen";
import { conformance, newCustomKind, type ConformanceContext, type CustomKind } from "../harness/index.ts";
import {
  definitionName,
  definitionsV2,
  gvk,
  newKind,
  OPEN,
  properties,
  schemasV3,
  WITH_FIELDS,
} from "./custom-resource-openapi-fixture.ts";

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
      customs.flatMap(({ crd }) => [definitionName(crd), `${definitionName(crd)}List`]),
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
  const served = versions.flatMap((one) => (one.served ? [one.name] : [])).join();
  while ((await published(t, crd)) !== served); // documents are not watched: they are asked for
}

/** The versions that the documents of both kinds show; empty while these differ. */
async function published(t: ConformanceContext, crd: CustomKind["crd"]): Promise<string> {
  const v2 = await definitionsV2(t);
  const names = ["v1", "v2", "v3"];
  const shown = names.filter((each) => v2[definitionName(crd, each)] !== undefined);
  const v3 = await Promise.all(names.map((each) => schemasV3(t, crd, each)));
  const isSame = names.every((each, i) => (v3[i] !== undefined) === shown.includes(each));
  return isSame ? shown.join() : "";
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
