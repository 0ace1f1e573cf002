import assert from "node:assert/strict";
import { test } from "node:test";
import { fromAggregated, fromLegacy } from "./plan-discovery.ts";

const gv = { group: "example.com", version: "v1" };
const contentType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

test("fromAggregated finds the group-version", () => {
  const versions = [
    { version: "v2", resources: [] },
    { version: "v1", resources: [{ resource: "flunders", subresources: [{ subresource: "status" }] }, 7] },
  ];
  const list = { items: [{ metadata: { name: "other" } }, { metadata: { name: "example.com" }, versions }] };
  const body = Buffer.from(JSON.stringify(list));
  const none = { group: "", version: "", kind: "" };
  assert.deepEqual(fromAggregated({ status: 200, contentType, body }, gv), [
    {
      responseKind: none,
      resource: "flunders",
      subresources: [{ responseKind: none, subresource: "status" }],
    },
  ]);
  assert.deepEqual(fromAggregated({ status: 200, contentType, body: Buffer.from("{}") }, gv), []);
});

test("fromAggregated says when an answer is no such document", () => {
  const body = Buffer.from('{"kind":"APIGroupList"}');
  assert.equal(fromAggregated({ status: 200, contentType: "application/json", body }, gv), undefined);
  assert.equal(fromAggregated({ status: 406, contentType, body }, gv), undefined);
});

test("fromLegacy puts subresources under their resource", () => {
  const verbs = ["get"];
  const resources = [
    {
      name: "flunders",
      singularName: "flunder",
      namespaced: true,
      kind: "Flunder",
      verbs,
      shortNames: ["fl"],
    },
    { name: "flunders/scale", namespaced: true, group: "autoscaling", version: "v1", kind: "Scale", verbs },
    { name: "fischers", namespaced: false, kind: "Fischer", verbs },
  ];
  assert.deepEqual(fromLegacy(JSON.stringify({ kind: "APIResourceList", resources }), gv), [
    {
      resource: "flunders",
      responseKind: { ...gv, kind: "Flunder" },
      scope: "Namespaced",
      singularResource: "flunder",
      verbs,
      shortNames: ["fl"],
      subresources: [
        {
          subresource: "scale",
          responseKind: { group: "autoscaling", version: "v1", kind: "Scale" },
          verbs,
        },
      ],
    },
    {
      resource: "fischers",
      responseKind: { ...gv, kind: "Fischer" },
      scope: "Cluster",
      singularResource: "",
      verbs,
    },
  ]);
});
