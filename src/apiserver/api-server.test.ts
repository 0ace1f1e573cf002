import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FakeClock, type KubeObject } from "#apimachinery";
import { openMemoryStore, type Store } from "#storage";
import { createApiServer } from "./api-server.ts";
import {
  CONFIG_MAPS,
  PODS,
  configMap,
  forever,
  merge,
  pod,
  refusal,
  start,
  withAccount,
} from "./server-fixture.ts";

/** Where `configMap("a")` is. */
const STORED = "/registry/core/configmaps/default/a";

suite("createApiServer()", () => {
  test("createApiServer() has the objects that every cluster has", async () => {
    const { send } = await start();
    const namespaces = (await send("GET", "/api/v1/namespaces")) as unknown as { items: KubeObject[] };
    assert.deepEqual(
      namespaces.items.map((ns) => ns.metadata.name),
      ["default", "kube-node-lease", "kube-public", "kube-system"],
    );
    const service = (await send("GET", "/api/v1/namespaces/default/services/kubernetes")) as {
      spec?: { clusterIP: string };
    };
    assert.equal(service.spec?.clusterIP, "10.96.0.1");
    await send("GET", "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical");
    await send("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin");
  });

  test("createApiServer() writes an update that only puts one empty selector for another", async () => {
    const { send } = await start();
    const path = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";
    const made = await send("POST", path, policy({ namespaceSelector: {} }));
    const changed = (await send("PUT", `${path}/a`, policy({ podSelector: {} }))) as KubeObject & {
      readonly spec?: { readonly ingress: unknown };
    };
    assert.deepEqual(changed.spec?.ingress, [{ from: [{ podSelector: {} }] }]);
    assert.deepEqual([made.metadata.generation, changed.metadata.generation], [1, 2]);
    const same = await send("PUT", `${path}/a`, policy({ podSelector: { matchLabels: {} } }, { egress: [] }));
    assert.deepEqual(same, changed, "what says nothing changes nothing");
  });

  test("createApiServer() finds what an earlier server stored", async () => {
    const first = await start();
    const made = await first.send("POST", CONFIG_MAPS, configMap("a"));
    await first.server.close();
    const second = await start({ store: first.store });
    assert.deepEqual(await second.send("GET", `${CONFIG_MAPS}/a`), made);
  });
});

function policy(peer: object, rest: object = {}): KubeObject {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "a", namespace: "default" },
    spec: { podSelector: {}, ingress: [{ from: [peer] }], ...rest },
  } as KubeObject;
}

suite("createApiServer() that fails", () => {
  test("createApiServer() stops watching a store that it could not prepare", async () => {
    const store = await openMemoryStore();
    const watches: AbortSignal[] = [];
    const broken: Store = {
      get: (key) => store.get(key),
      range: (options) => store.range(options),
      commit: () => Promise.reject(new Error("the disk is gone")),
      watch(prefix, from, signal) {
        watches.push(signal);
        return store.watch(prefix, from, signal);
      },
      revision: () => store.revision(),
      compact: (revision) => store.compact(revision),
      close: () => store.close(),
    };
    await assert.rejects(createApiServer({ store: broken }));
    assert.ok(watches.length > 0);
    assert.ok(watches.every((signal) => signal.aborted));
  });
});

suite("create", () => {
  test("create sets the metadata of the system and nothing the client may not", async () => {
    const clock = new FakeClock(Date.parse("2026-01-02T03:04:05Z"));
    const { send } = await start({ clock });
    const made = await send("POST", CONFIG_MAPS, {
      metadata: { name: "a", uid: "mine", generation: 7, deletionTimestamp: "2020-01-01T00:00:00Z" },
      data: { k: "v" },
    });
    const { uid, resourceVersion, managedFields, ...metadata } = made.metadata;
    assert.match(uid ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.match(resourceVersion ?? "", /^[1-9]\d*$/);
    assert.equal(managedFields?.[0]?.operation, "Update");
    assert.deepEqual(metadata, {
      name: "a",
      namespace: "default",
      creationTimestamp: "2026-01-02T03:04:05Z",
    });
    assert.deepEqual([made.kind, made.apiVersion], ["ConfigMap", "v1"]);
  });

  test("create generates names and tries again when one is taken", async () => {
    // Long runs of one number: the same suffix comes again and again.
    let calls = 0;
    const { send } = await start({ random: () => (Math.floor(calls++ / 20) % 27) / 27 });
    const body = { metadata: { generateName: "x-" } };
    const names = new Set<string>();
    for (let i = 0; i < 3; i++) names.add((await send("POST", CONFIG_MAPS, body)).metadata.name);
    assert.equal(names.size, 3);
  });

  test("create refuses with the reasons and words of Kubernetes", async () => {
    const { send } = await start();
    await send("POST", CONFIG_MAPS, configMap("a"));
    const cases: readonly (readonly [path: string, body: object, code: number, message: RegExp])[] = [
      [CONFIG_MAPS, configMap("a"), 409, /^configmaps "a" already exists$/],
      [CONFIG_MAPS, configMap("A_"), 422, /^ConfigMap "A_" is invalid: metadata.name: Invalid value: "A_"/],
      [CONFIG_MAPS, { data: {} }, 422, /metadata.name: Required value: name or generateName is required/],
      ["/api/v1/namespaces/nope/configmaps", configMap("a"), 404, /^namespaces "nope" not found$/],
      [
        CONFIG_MAPS,
        { ...configMap("b"), kind: "Pod" },
        400,
        /^Pod in version "v1" cannot be handled as a ConfigMap/,
      ],
      [
        CONFIG_MAPS,
        { ...configMap("b"), apiVersion: "v2" },
        400,
        /API version in the data \(v2\) does not match/,
      ],
      [
        CONFIG_MAPS,
        { metadata: { name: "b", namespace: "kube-system" } },
        400,
        /namespace of the provided object does not match/,
      ],
      [CONFIG_MAPS, { metadata: { name: "b" }, data: { k: 1 } }, 400, /cannot unmarshal number/],
    ];
    for (const [path, body, code, message] of cases) {
      const error = await refusal(send("POST", path, body));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
    }
  });

  test("create with dryRun=All stores nothing", async () => {
    const { send, store } = await start();
    const made = await send("POST", CONFIG_MAPS, configMap("a"), { query: { dryRun: "All" } });
    assert.equal(made.metadata.resourceVersion, undefined);
    assert.equal(await store.get(STORED), undefined);
    assert.equal((await refusal(send("GET", `${CONFIG_MAPS}/a`))).reason, "NotFound");
  });

  test("create reports unknown fields as fieldValidation asks", async () => {
    const { send, transport } = await start();
    const body = { ...configMap("a"), dta: {} };
    const error = await refusal(send("POST", CONFIG_MAPS, body, { query: { fieldValidation: "Strict" } }));
    assert.match(error.message, /strict decoding error: unknown field "dta"/);
    const warned = await transport.request({ method: "POST", path: CONFIG_MAPS, body }, forever);
    assert.match(warned.headers["warning"] ?? "", /unknown field/);
    assert.equal("dta" in (warned.body as object), false);
  });
});

suite("update", () => {
  test("update checks the resourceVersion, keeps the system's metadata, and writes nothing when nothing changed", async () => {
    const { send, store } = await start();
    const made = await send("POST", CONFIG_MAPS, configMap("a", { data: { k: "1" } }));
    const changed = await send("PUT", `${CONFIG_MAPS}/a`, { ...made, data: { k: "2" } });
    assert.equal(changed.metadata.uid, made.metadata.uid);
    assert.notEqual(changed.metadata.resourceVersion, made.metadata.resourceVersion);
    const stale = await refusal(send("PUT", `${CONFIG_MAPS}/a`, { ...made, data: { k: "3" } }));
    assert.equal(stale.code, 409);
    assert.match(
      stale.message,
      /^Operation cannot be fulfilled on configmaps "a": the object has been modified/,
    );
    const same = await send("PUT", `${CONFIG_MAPS}/a`, { data: { k: "2" }, metadata: { name: "a" } });
    assert.equal(same.metadata.resourceVersion, changed.metadata.resourceVersion);
    assert.equal(String((await store.get(STORED))!.revision), changed.metadata.resourceVersion);
    assert.equal((await refusal(send("PUT", `${CONFIG_MAPS}/nope`, configMap("nope")))).code, 404);
    const wrong = await refusal(send("PUT", `${CONFIG_MAPS}/a`, configMap("b")));
    assert.match(wrong.message, /does not match the name on the URL/);
  });

  test("update counts generations when the spec changes, and keeps status and spec apart", async () => {
    const { send } = await start();
    const path = "/apis/apps/v1/namespaces/default/deployments";
    const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
    const spec = { selector: { matchLabels: { a: "b" } }, template };
    const made = await send("POST", path, { metadata: { name: "d" }, spec, status: { replicas: 9 } });
    assert.equal(made.metadata.generation, 1);
    assert.equal((made as { status?: { replicas?: number } }).status?.replicas, undefined);
    const scaled = await send(
      "PATCH",
      `${path}/d`,
      { spec: { replicas: 3 }, status: { replicas: 5 } },
      merge,
    );
    assert.equal(scaled.metadata.generation, 2);
    const status = await send(
      "PATCH",
      `${path}/d/status`,
      { spec: { replicas: 8 }, status: { replicas: 5 } },
      merge,
    );
    const { metadata, ...rest } = status as KubeObject & {
      spec: { replicas: number };
      status: { replicas: number };
    };
    assert.deepEqual([metadata.generation, rest.spec.replicas, rest.status.replicas], [2, 3, 5]);
  });

  test("PUT of a missing object creates it where upstream allows that", async () => {
    const { send } = await start();
    const path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
    const made = await send("PUT", path, { metadata: { name: "l" }, spec: { holderIdentity: "me" } });
    assert.equal(made.metadata.name, "l");
  });
});

suite("patch", () => {
  test("patch applies all four media types", async () => {
    const { send } = await start();
    await send("POST", CONFIG_MAPS, configMap("a", { data: { a: "1", b: "1" } }));
    const path = `${CONFIG_MAPS}/a`;
    const patch = async (type: string, body: unknown, query = {}): Promise<unknown> => {
      const headers = { "content-type": `application/${type}` };
      return ((await send("PATCH", path, body, { headers, query })) as { data?: unknown }).data;
    };
    assert.deepEqual(await patch("merge-patch+json", { data: { a: null } }), { b: "1" });
    assert.deepEqual(await patch("json-patch+json", [{ op: "add", path: "/data/c", value: "2" }]), {
      b: "1",
      c: "2",
    });
    assert.deepEqual(await patch("strategic-merge-patch+json", { data: { c: "3" } }), { b: "1", c: "3" });
    const config = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: { d: "4" } };
    const applied = await patch("apply-patch+yaml", config, { fieldManager: "me" });
    assert.deepEqual(applied, { b: "1", c: "3", d: "4" });
    const conflict = { ...config, data: { c: "mine" } };
    const refused = await refusal(patch("apply-patch+yaml", conflict, { fieldManager: "other" }));
    assert.equal(refused.code, 409);
    assert.match(refused.message, /Apply failed with 1 conflict/);
    assert.equal((await refusal(patch("foo", {}))).code, 415);
  });

  test("apply creates what is missing, owned by its manager", async () => {
    const { send } = await start();
    const config = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: { d: "4" } };
    const headers = { "content-type": "application/apply-patch+yaml" };
    const made = await send("PATCH", `${CONFIG_MAPS}/a`, config, { headers, query: { fieldManager: "me" } });
    assert.deepEqual(
      made.metadata.managedFields?.map(({ manager, operation }) => [manager, operation]),
      [["me", "Apply"]],
    );
  });

  test("patches of one object at the same time all count", async () => {
    const { send } = await start();
    await send("POST", CONFIG_MAPS, configMap("a"));
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    await Promise.all(keys.map((key) => send("PATCH", `${CONFIG_MAPS}/a`, { data: { [key]: "v" } }, merge)));
    const { data } = (await send("GET", `${CONFIG_MAPS}/a`)) as KubeObject & { data: object };
    assert.deepEqual(Object.keys(data).toSorted(), keys.toSorted());
  });
});

suite("delete", () => {
  test("delete answers with a Status, and waits for finalizers", async () => {
    const { send } = await start();
    const made = await send("POST", CONFIG_MAPS, configMap("a"));
    const status = (await send("DELETE", `${CONFIG_MAPS}/a`)) as unknown as {
      status: string;
      details: object;
    };
    assert.equal(status.status, "Success");
    assert.deepEqual(status.details, { name: "a", kind: "configmaps", uid: made.metadata.uid });
    await send("POST", CONFIG_MAPS, { metadata: { name: "b", finalizers: ["x/y"] } });
    const waiting = await send("DELETE", `${CONFIG_MAPS}/b`);
    assert.ok(waiting.metadata.deletionTimestamp);
    const added = { metadata: { finalizers: ["x/y", "z/z"] } };
    assert.match(
      (await refusal(send("PATCH", `${CONFIG_MAPS}/b`, added, merge))).message,
      /no new finalizers can be added/,
    );
    await send("PATCH", `${CONFIG_MAPS}/b`, { metadata: { finalizers: null } }, merge);
    assert.equal((await refusal(send("GET", `${CONFIG_MAPS}/b`))).code, 404);
  });

  test("delete of a scheduled pod is graceful", async () => {
    const { send } = await withAccount(await start());
    await send("POST", PODS, pod("p", { nodeName: "n" }));
    const first = await send("DELETE", `${PODS}/p`, {
      kind: "DeleteOptions",
      apiVersion: "v1",
      gracePeriodSeconds: 7,
    });
    assert.equal(first.metadata.deletionGracePeriodSeconds, 7);
    await send("DELETE", `${PODS}/p`, { gracePeriodSeconds: 0 });
    assert.equal((await refusal(send("GET", `${PODS}/p`))).code, 404);
  });

  test("deletecollection deletes what the selector names", async () => {
    const { send } = await withAccount(await start());
    for (const name of ["a", "b", "c"]) await send("POST", PODS, pod(name));
    await send("DELETE", PODS, undefined, { query: { labelSelector: "app in (a,b)" } });
    const { items } = (await send("GET", PODS)) as unknown as { items: KubeObject[] };
    assert.deepEqual(
      items.map((item) => item.metadata.name),
      ["c"],
    );
  });

  test("a namespace waits for its finalizer and takes nothing new", async () => {
    const { send } = await start();
    await send("POST", "/api/v1/namespaces", { metadata: { name: "n" } });
    const going = (await send("DELETE", "/api/v1/namespaces/n")) as KubeObject & {
      status: { phase: string };
    };
    assert.equal(going.status.phase, "Terminating");
    const late = await refusal(send("POST", "/api/v1/namespaces/n/configmaps", configMap("a")));
    assert.equal(late.code, 403);
    assert.equal(late.details?.causes?.[0]?.reason, "NamespaceTerminating");
    await send("PUT", "/api/v1/namespaces/n/finalize", { ...going, spec: { finalizers: [] } });
    assert.equal((await refusal(send("GET", "/api/v1/namespaces/n"))).code, 404);
    const immortal = await refusal(send("DELETE", "/api/v1/namespaces/default"));
    assert.match(immortal.message, /^namespaces "default" is forbidden: this namespace may not be deleted$/);
  });
});
