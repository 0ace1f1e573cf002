/** Fields of custom resources by which lists and watches choose, as their definition's versions say. */
import assert from "node:assert/strict";
import type { CustomResourceDefinitionVersion } from "#api/apiextensions/v1/types.gen";
import { StatusError, type Kind } from "#apimachinery";
import { dynamicKind, type Unstructured } from "#client";
import { conformance, newCustomKind } from "../harness/index.ts";

const TEXT = { type: "string" };
const NUMBER = { type: "integer" };
const FLAG = { type: "boolean" };

function version(name: string, storage: boolean, paths: readonly string[]): CustomResourceDefinitionVersion {
  const properties = { color: TEXT, size: NUMBER, isOld: FLAG, shape: TEXT };
  return {
    name,
    served: true,
    storage,
    selectableFields: paths.map((jsonPath) => ({ jsonPath })),
    schema: { openAPIV3Schema: { type: "object", properties: { spec: { type: "object", properties } } } },
  };
}

function isLast({ type, object }: { readonly type: string; readonly object: unknown }): boolean {
  return type === "DELETED" && (object as Unstructured).metadata.name === "c";
}

conformance(
  "[sig-api-machinery] CustomResourceFieldSelectors [Privileged:ClusterAdmin] CustomResourceFieldSelectors MUST list and watch custom resources matching the field selector",
  async (t) => {
    const { client, signal, namespace } = t;
    const versions = [
      version("v1", true, [".spec.color", ".spec.size", ".spec.isOld"]),
      version("v2", false, [".spec.shape"]),
    ];
    const { crd, kind: v1 } = await newCustomKind(t, { versions });
    const { group, names } = crd.spec;
    const v2 = dynamicKind({
      group,
      version: "v2",
      kind: names.kind,
      plural: names.plural,
      namespaced: true,
    });
    const select = async (kind: Kind<Unstructured>, fieldSelector: string): Promise<string> => {
      const { items } = await client.list(kind, { namespace, fieldSelector }, signal);
      return items
        .map(({ metadata }) => metadata.name)
        .toSorted()
        .join(" ");
    };
    const { metadata } = await client.list(v1, { namespace }, signal);
    const resourceVersion = metadata.resourceVersion!;
    const blue = t.watch(v1, { namespace, fieldSelector: "spec.color=blue", resourceVersion });
    const round = t.watch(v2, { namespace, fieldSelector: "spec.shape=round", resourceVersion });

    const specs: Readonly<Record<string, object>> = {
      a: { color: "blue", size: 1, isOld: true, shape: "round" },
      b: { color: "blue", size: 2, isOld: false, shape: "square" },
      c: { color: "green", size: 2, shape: "round" },
      d: {},
    };
    for (const [name, spec] of Object.entries(specs)) {
      const object = { apiVersion: `${group}/v1`, kind: names.kind, metadata: { name, namespace }, spec };
      await client.create(v1, object, signal);
    }
    const TABLE: readonly (readonly [Kind<Unstructured>, string, string])[] = [
      [v1, "spec.color=blue", "a b"],
      [v1, "spec.color==blue,spec.size=2", "b"],
      [v1, "spec.color!=blue", "c d"],
      [v1, "spec.size=2,metadata.name=c", "c"],
      [v1, "spec.isOld=true", "a"],
      [v1, "spec.isOld=false", "b"],
      [v1, "spec.color=", "d"],
      [v1, `spec.color=blue,metadata.namespace=${namespace}`, "a b"],
      [v2, "spec.shape=round", "a c"],
      [v2, "spec.shape!=round,metadata.name!=d", "b"],
    ];
    for (const [kind, selector, expected] of TABLE)
      assert.equal(await select(kind, selector), expected, `${kind.version}: ${selector}`);
    const kubectl = await t.kubectl(
      "get",
      `${names.plural}.v1.${group}`,
      "--field-selector=spec.color=green",
      "-o",
      "name",
    );
    assert.equal(kubectl, `${names.singular}.${group}/c\n`);

    // Each version has its own.
    for (const [kind, selector] of [
      [v1, "spec.shape=round"],
      [v2, "spec.color=blue"],
      [v1, "spec.other=x"],
    ] as const) {
      const label = selector.split("=")[0];
      await assert.rejects(select(kind, selector), (err) => {
        assert.ok(err instanceof StatusError);
        assert.deepEqual([err.code, err.message], [400, `field label not supported: ${label}`]);
        return true;
      });
    }

    // Watches: what comes to fit is new to them, and what fits no longer is gone.
    const patch = (name: string, spec: object): Promise<Unstructured> =>
      client.patch(v1, { namespace, name }, { type: "merge", body: { spec } }, signal);
    await patch("c", { color: "blue" });
    await patch("a", { color: "red", shape: "flat" });
    await patch("b", { size: 3 });
    await client.delete(v1, { namespace, name: "b" }, signal);
    await client.delete(v1, { namespace, name: "c" }, signal);
    await blue.until("the end", isLast);
    await round.until("the end", isLast);
    const told = ({ events }: typeof blue): readonly string[] =>
      events.map(({ type, object }) => `${type} ${(object as Unstructured).metadata.name}`);
    assert.deepEqual(told(blue), [
      "ADDED a",
      "ADDED b",
      "ADDED c",
      "DELETED a",
      "MODIFIED b",
      "DELETED b",
      "DELETED c",
    ]);
    assert.deepEqual(told(round), ["ADDED a", "ADDED c", "MODIFIED c", "DELETED a", "DELETED c"]);
    assert.ok(round.events.every(({ object }) => (object as Unstructured).apiVersion === `${group}/v2`));

    // What may be selected by stands in the definition and in OpenAPI.
    const { text } = await t.http({ path: `/openapi/v3/apis/${group}/v1` });
    assert.match(
      text,
      /"x-kubernetes-selectable-fields":\[\{"fieldPath":"spec\.color"\},\{"fieldPath":"spec\.size"\}/,
    );
  },
);
