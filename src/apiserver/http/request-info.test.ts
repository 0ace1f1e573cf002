import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { isMalformed, parseTarget } from "./http-request.ts";
import { requestInfo } from "./request-info.ts";

suite("requestInfo()", () => {
  const cases: readonly (readonly [method: string, target: string, expected: string])[] = [
    ["GET", "/api/v1/namespaces", "list v1 namespaces"],
    ["GET", "/api/v1/namespaces/a", "get v1 a/namespaces a"],
    ["PUT", "/api/v1/namespaces/a/finalize", "update v1 a/namespaces a finalize"],
    ["GET", "/api/v1/namespaces/a/pods", "list v1 a/pods"],
    ["GET", "/api/v1/namespaces/a/pods?watch=true", "watch v1 a/pods"],
    ["GET", "/api/v1/namespaces/a/pods?watch=0", "list v1 a/pods"],
    ["GET", "/api/v1/watch/namespaces/a/pods", "watch v1 a/pods"],
    ["GET", "/api/v1/watch/pods", "watch v1 pods"],
    ["GET", "/api/v1/namespaces/a/pods/p/log", "get v1 a/pods p log"],
    ["POST", "/api/v1/namespaces/a/pods/p/proxy/x/y", "create v1 a/pods p proxy x/y"],
    ["DELETE", "/apis/apps/v1/namespaces/a/deployments", "deletecollection apps/v1 a/deployments"],
    ["DELETE", "/apis/apps/v1/namespaces/a/deployments/d", "delete apps/v1 a/deployments d"],
    [
      "PATCH",
      "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
      "patch rbac.authorization.k8s.io/v1 clusterroles system:node",
    ],
    ["GET", "/apis/apps/v1", "get /apis/apps/v1"],
    ["GET", "/api/v1/", "get /api/v1/"],
    ["GET", "/healthz", "get /healthz"],
    ["GET", "/%68ealthz", "get /healthz"],
    ["GET", "https://10.0.0.1:6443/api/v1/pods?watch=1", "watch v1 pods"],
    ["GET", "HTTP://host", "get /"],
    ["GET", "/api/v1/pods/", "list v1 pods"],
    ["GET", "/api/v1/pods///", "list v1 pods"],
    ["GET", "/api/v1//", "get /api/v1//"],
    ["GET", "//api/v1/pods", "list v1 pods"],
    ["GET", "/api/v1/namespaces//pods", "list v1 pods"],
    ["GET", "/api/v1/namespaces/a/pods/..", "get v1 a/pods .."],
    ["GET", "/api/v1/namespaces/a/pods/%2e%2e", "get v1 a/pods .."],
    ["GET", "/api/v1/namespaces/a/pods/p%2Flog", "get v1 a/pods p log"],
    ["GET", "/api/v1/namespaces%2Fkube-system%2Fsecrets/s", "get v1 kube-system/secrets s"],
    ["GET", "/api/v1/namespaces/a/pods/p%252Flog", "get v1 a/pods p%2Flog"],
    ["GET", "/api/v1/namespaces/a/pods/%ff", "get v1 a/pods \ufffd"],
    ["GET", "*", "get *"],
  ];
  for (const [method, target, expected] of cases) {
    test(`requestInfo() of ${method} ${target}`, () => {
      const { path, query } = parseTarget(target);
      const info = requestInfo(method, path, query);
      const gv = info.group === "" ? info.version : `${info.group}/${info.version}`;
      const where = info.namespace === "" ? info.resource : `${info.namespace}/${info.resource}`;
      const parts = [info.verb, gv, where, info.name, info.subresource, info.rest];
      const shown = info.isResourceRequest ? parts.filter((part) => part !== "") : [info.verb, info.path];
      assert.equal(shown.join(" "), expected);
    });
  }
});

test("isMalformed() finds escapes that are none, in the path alone", () => {
  for (const target of ["/api/%zz", "/api/%", "/api/%2", "/%G0?x"]) assert.equal(isMalformed(target), true);
  for (const target of ["/api/%2f", "/api/v1?x=%", "/"]) assert.equal(isMalformed(target), false, target);
});
