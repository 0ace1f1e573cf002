import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { KubeObject } from "#apimachinery";
import { CONFIG_MAPS, PODS, forever, merge, pod, refusal, start, withAccount } from "./server-fixture.ts";

suite("subresources", () => {
  test("scale reads and writes the number of replicas", async () => {
    const { send } = await start();
    const path = "/apis/apps/v1/namespaces/default/replicasets";
    const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
    await send("POST", path, {
      metadata: { name: "r" },
      spec: { selector: { matchLabels: { a: "b" } }, template },
    });
    type Scale = KubeObject & { spec: { replicas: number }; status: { selector: string } };
    const scale = (await send("GET", `${path}/r/scale`)) as Scale;
    assert.deepEqual([scale.kind, scale.spec.replicas, scale.status.selector], ["Scale", 1, "a=b"]);
    const scaled = (await send("PUT", `${path}/r/scale`, { ...scale, spec: { replicas: 4 } })) as Scale;
    assert.equal(scaled.spec.replicas, 4);
    const patched = (await send("PATCH", `${path}/r/scale`, { spec: { replicas: 6 } }, merge)) as Scale;
    assert.equal(patched.spec.replicas, 6);
    assert.equal((await send("GET", `${path}/r`)).metadata.generation, 3);
  });

  test("binding puts a pod on a node, once", async () => {
    const { send } = await withAccount(await start());
    await send("POST", PODS, pod("p"));
    await send("PATCH", `${PODS}/p/status`, { status: { nominatedNodeName: "n" } }, merge);
    const bind = (name: string) =>
      send("POST", `${PODS}/p/binding`, { metadata: { name: "p" }, target: { kind: "Node", name } });
    await bind("n");
    const bound = (await send("GET", `${PODS}/p`)) as KubeObject & {
      spec: { nodeName: string };
      status: { conditions: { type: string; status: string }[]; nominatedNodeName?: string };
    };
    assert.equal(bound.spec.nodeName, "n");
    assert.equal(bound.status.nominatedNodeName, undefined);
    assert.deepEqual(
      [bound.status.conditions[0]?.type, bound.status.conditions[0]?.status],
      ["PodScheduled", "True"],
    );
    const again = await refusal(bind("m"));
    assert.match(again.message, /pod p is already assigned to node "n"/);
    assert.equal(again.code, 409);
  });

  test("eviction obeys the disruption budget", async () => {
    const { send } = await withAccount(await start());
    await send("POST", PODS, pod("p", { nodeName: "n" }));
    await send("PATCH", `${PODS}/p/status`, { status: { phase: "Running" } }, merge);
    const budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    await send("POST", budgets, {
      metadata: { name: "b" },
      spec: { minAvailable: 1, selector: { matchLabels: { app: "p" } } },
    });
    const status = {
      observedGeneration: 1,
      disruptionsAllowed: 0,
      currentHealthy: 1,
      desiredHealthy: 1,
      expectedPods: 1,
    };
    await send("PATCH", `${budgets}/b/status`, { status }, merge);
    await send(
      "PATCH",
      `${PODS}/p/status`,
      { status: { conditions: [{ type: "Ready", status: "True" }] } },
      merge,
    );
    const evict = () => send("POST", `${PODS}/p/eviction`, { metadata: { name: "p" } });
    const refused = await refusal(evict());
    assert.equal(refused.code, 429);
    assert.match(refused.message, /would violate the pod's disruption budget/);
    await send("PATCH", `${budgets}/b/status`, { status: { ...status, disruptionsAllowed: 1 } }, merge);
    await evict();
    assert.ok((await send("GET", `${PODS}/p`)).metadata.deletionTimestamp);
    const budget = (await send("GET", `${budgets}/b`)) as KubeObject & {
      status: { disruptionsAllowed: number };
    };
    assert.equal(budget.status.disruptionsAllowed, 0);
  });
});

suite("authorization", () => {
  test("nobody without a permission reads or writes", async () => {
    const { server } = await start();
    const nobody = server.transport({ name: "eve", groups: ["system:authenticated"] });
    const error = await refusal(nobody.request({ method: "GET", path: PODS }, forever));
    assert.equal(error.code, 403);
    assert.match(
      error.message,
      /^pods is forbidden: User "eve" cannot list resource "pods" in API group "" in the namespace "default"/,
    );
    const anonymous = server.transport({ name: "system:anonymous", groups: ["system:unauthenticated"] });
    assert.equal((await anonymous.request({ method: "GET", path: "/readyz" }, forever)).body, "ok");
    assert.equal((await refusal(anonymous.request({ method: "GET", path: "/api" }, forever))).code, 403);
  });

  test("a binding counts at once", async () => {
    const { server, send } = await start();
    const bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" };
    const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "ann" }];
    await send("POST", bindings, { metadata: { name: "b" }, roleRef, subjects });
    const ann = server.transport({ name: "ann", groups: [] });
    await ann.request({ method: "GET", path: PODS }, forever);
    assert.equal((await refusal(ann.request({ method: "GET", path: "/api/v1/pods" }, forever))).code, 403);
  });

  test("an apply that creates needs the permission to create", async () => {
    const { server, send } = await start();
    const group = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["patch", "get"] }];
    await send("POST", `${group}/roles`, { metadata: { name: "r" }, rules });
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" };
    const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "ann" }];
    await send("POST", `${group}/rolebindings`, { metadata: { name: "b" }, roleRef, subjects });
    const path = `${CONFIG_MAPS}/a`;
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: { k: "v" } };
    const headers = { "content-type": "application/apply-patch+yaml" };
    const apply = () =>
      server
        .transport({ name: "ann", groups: [] })
        .request({ method: "PATCH", path, body, headers, query: { fieldManager: "m" } }, forever);
    assert.match((await refusal(apply())).message, /cannot create resource "configmaps"/);
    await send("POST", CONFIG_MAPS, { metadata: { name: "a" } });
    assert.equal((await apply()).status, 200);
  });
});
