import assert from "node:assert/strict";
import { suite, test } from "node:test";
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
  ];
  for (const [method, target, expected] of cases) {
    test(`requestInfo() of ${method} ${target}`, () => {
      const [path = "", query = ""] = target.split("?");
      const info = requestInfo(method, path, new URLSearchParams(query));
      const gv = info.group === "" ? info.version : `${info.group}/${info.version}`;
      const where = info.namespace === "" ? info.resource : `${info.namespace}/${info.resource}`;
      const parts = [info.verb, gv, where, info.name, info.subresource, info.rest];
      const shown = info.isResourceRequest ? parts.filter((part) => part !== "") : [info.verb, info.path];
      assert.equal(shown.join(" "), expected);
    });
  }
});
