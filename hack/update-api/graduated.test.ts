import assert from "node:assert/strict";
import { test } from "node:test";
import type { FieldRecord, PackageRecord, Shape } from "./definitions.ts";
import { withGraduated } from "./graduated.ts";

function field(name: string, shape: Shape): FieldRecord {
  return {
    name,
    shape,
    required: false,
    pointer: false,
    omitEmpty: true,
    protobuf: [1],
  } as unknown as FieldRecord;
}

const beta: PackageRecord = {
  name: "io.k8s.api.toys.v1beta1",
  group: "toys.example",
  version: "v1beta1",
  folder: "toys/v1beta1",
  definitions: [
    {
      name: "Top",
      gvks: [{ group: "toys.example", version: "v1beta1", kind: "Top" }],
      mapType: undefined,
      scalar: undefined,
      fields: [
        field("spec", {
          is: "list",
          of: { is: "ref", pkg: "io.k8s.api.toys.v1beta1", name: "TopSpec" },
          wrapped: false,
        }),
      ],
    },
    { name: "TopList", gvks: [], mapType: undefined, scalar: undefined, fields: [] },
    {
      name: "TopSpec",
      gvks: [],
      mapType: undefined,
      scalar: undefined,
      fields: [field("spin", { is: "scalar", code: "i" }), field("old", { is: "scalar", code: "s" })],
    },
  ],
};
const gvk = { group: "toys.example", version: "v1beta1", kind: "Top" };
const top = {
  plural: "tops",
  kind: "Top",
  namespaced: true,
  verbs: new Set(["get"]),
  subresources: new Map([["status", { gvk, verbs: new Set(["get"]) }]]),
};
const graduation = {
  kind: "Top",
  plural: "tops",
  from: "io.k8s.api.toys.v1beta1",
  to: "io.k8s.api.toys.v1",
  parts: ["TopSpec"],
  dropped: ["TopSpec.old"],
};

test("withGraduated makes a stable version of a beta one, without what did not graduate", () => {
  const published = { packages: [beta], resources: new Map([["toys.example/v1beta1", [top]]]) };
  const { packages, resources } = withGraduated(published, [graduation]);
  const stable = packages.find(({ folder }) => folder === "toys/v1");
  const [kind, , spec] = stable!.definitions;
  assert.deepEqual(kind!.gvks, [{ ...gvk, version: "v1" }]);
  assert.deepEqual(kind!.fields[0]!.shape, {
    is: "list",
    of: { is: "ref", pkg: "io.k8s.api.toys.v1", name: "TopSpec" },
    wrapped: false,
  });
  assert.deepEqual(
    spec!.fields.map(({ name }) => name),
    ["spin"],
  );
  const [resource] = resources.get("toys.example/v1")!;
  assert.equal(resource!.subresources.get("status")!.gvk.version, "v1");
  assert.deepEqual(
    packages.find(({ folder }) => folder === "toys/v1beta1"),
    beta,
  );
});

test("withGraduated leaves alone what is stable already, or not there", () => {
  const published = { packages: [beta], resources: new Map() };
  const once = withGraduated(published, [graduation]);
  assert.equal(withGraduated(once, [graduation]).packages.length, 2);
  assert.deepEqual(withGraduated({ packages: [], resources: new Map() }, [graduation]).packages, []);
});
