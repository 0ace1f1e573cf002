import assert from "node:assert/strict";
import { afterEach, suite, test } from "node:test";
import { FakeClock, StatusError, type KubeObject, type WatchEvent } from "#apimachinery";
import type { Request, Transport } from "#client";
import { openMemoryStore, type Store } from "#storage";
import { createApiServer, type ApiServer, type ApiServerOptions } from "./index.ts";

const forever = new AbortController().signal;
const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const PODS = "/api/v1/namespaces/default/pods";
const servers: ApiServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

interface Fixture {
  readonly server: ApiServer;
  readonly store: Store;
  readonly transport: Transport;
  send(method: Request["method"], path: string, body?: unknown, more?: Partial<Request>): Promise<KubeObject>;
}

async function start(options: Partial<ApiServerOptions> = {}): Promise<Fixture> {
  const store = options.store ?? (await openMemoryStore());
  const server = await createApiServer({ freezeObjects: true, ...options, store });
  servers.push(server);
  const transport = server.transport();
  return {
    server,
    store,
    transport,
    send: async (method, path, body, more) =>
      (await transport.request({ method, path, ...(body !== undefined && { body }), ...more }, forever))
        .body as KubeObject,
  };
}

function configMap(name: string, more: object = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...more };
}

async function withAccount(fixture: Fixture): Promise<Fixture> {
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } };
  await fixture.send("POST", "/api/v1/namespaces/default/serviceaccounts", account);
  return fixture;
}

function pod(name: string, spec: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: { containers: [{ name: "c", image: "i" }], ...spec },
  };
}

async function refusal(promise: Promise<unknown>): Promise<StatusError> {
  const error = await promise.then(
    () => undefined,
    (err: unknown) => err,
  );
  assert.ok(error instanceof StatusError, `expected a StatusError, got ${String(error)}`);
  return error;
}

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

  test("createApiServer() finds what an earlier server stored", async () => {
    const first = await start();
    const made = await first.send("POST", CONFIG_MAPS, configMap("a"));
    await first.server.close();
    const second = await start({ store: first.store });
    assert.deepEqual(await second.send("GET", `${CONFIG_MAPS}/a`), made);
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
    const before = await store.revision();
    const made = await send("POST", CONFIG_MAPS, configMap("a"), { query: { dryRun: "All" } });
    assert.equal(made.metadata.resourceVersion, undefined);
    assert.equal(await store.revision(), before);
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
    const before = await store.revision();
    const same = await send("PUT", `${CONFIG_MAPS}/a`, { data: { k: "2" }, metadata: { name: "a" } });
    assert.equal(same.metadata.resourceVersion, changed.metadata.resourceVersion);
    assert.equal(await store.revision(), before);
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

const merge = { headers: { "content-type": "application/merge-patch+json" } };

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

suite("list", () => {
  test("list pages a consistent state, in order, with what remains", async () => {
    const { send } = await start();
    for (const name of ["b", "a", "d", "c"]) await send("POST", CONFIG_MAPS, configMap(name));
    type List = {
      metadata: { continue?: string; remainingItemCount?: number; resourceVersion: string };
      items: KubeObject[];
    };
    const first = (await send("GET", CONFIG_MAPS, undefined, { query: { limit: 2 } })) as unknown as List;
    assert.deepEqual(
      first.items.map((i) => i.metadata.name),
      ["a", "b"],
    );
    assert.equal(first.metadata.remainingItemCount, 2);
    await send("DELETE", `${CONFIG_MAPS}/c`);
    await send("POST", CONFIG_MAPS, configMap("e"));
    const query = { limit: 2, continue: first.metadata.continue! };
    const second = (await send("GET", CONFIG_MAPS, undefined, { query })) as unknown as List;
    assert.deepEqual(
      second.items.map((i) => i.metadata.name),
      ["c", "d"],
    );
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
    assert.equal(second.metadata.continue, undefined);
  });

  test("list continues with 410 and a fresh token when its state was compacted away", async () => {
    const { send, store } = await start();
    for (const name of ["a", "b", "c"]) await send("POST", CONFIG_MAPS, configMap(name));
    const first = (await send("GET", CONFIG_MAPS, undefined, { query: { limit: 1 } })) as unknown as {
      metadata: { continue: string };
    };
    await send("DELETE", `${CONFIG_MAPS}/b`);
    await store.compact(await store.revision());
    const expired = await refusal(
      send("GET", CONFIG_MAPS, undefined, { query: { continue: first.metadata.continue } }),
    );
    assert.equal(expired.code, 410);
    assert.equal(expired.reason, "Expired");
  });

  test("list selects by labels and fields, and says what it cannot read", async () => {
    const { send } = await withAccount(await start());
    await send("POST", PODS, pod("a", { nodeName: "n1" }));
    await send("POST", PODS, pod("b", { nodeName: "n2" }));
    const names = async (query: Record<string, string>): Promise<string[]> =>
      (
        (await send("GET", "/api/v1/pods", undefined, { query })) as unknown as { items: KubeObject[] }
      ).items.map((i) => i.metadata.name);
    assert.deepEqual(await names({ labelSelector: "app!=a" }), ["b"]);
    assert.deepEqual(await names({ fieldSelector: "spec.nodeName=n1" }), ["a"]);
    assert.deepEqual(await names({ fieldSelector: "spec.nodeName=n1,metadata.name=b" }), []);
    assert.deepEqual(await names({ fieldSelector: "metadata.name=b,metadata.namespace=default" }), ["b"]);
    for (const query of [
      { labelSelector: "a=(" },
      { fieldSelector: "spec.foo=a" },
      { resourceVersion: "x" },
    ]) {
      assert.equal((await refusal(names(query))).code, 400);
    }
    assert.equal((await refusal(names({ resourceVersionMatch: "Exact" }))).code, 422);
  });

  test("list and get answer with Tables and metadata", async () => {
    const { send } = await start();
    await send("POST", CONFIG_MAPS, configMap("a", { data: { k: "v" } }));
    const as = (kind: string) => ({ headers: { accept: `application/json;as=${kind};g=meta.k8s.io;v=v1` } });
    type Table = {
      kind: string;
      columnDefinitions: { name: string }[];
      rows: { cells: unknown[]; object: KubeObject }[];
    };
    const table = (await send("GET", CONFIG_MAPS, undefined, as("Table"))) as unknown as Table;
    assert.deepEqual(
      table.columnDefinitions.map((c) => c.name),
      ["Name", "Data", "Age"],
    );
    assert.deepEqual(table.rows[0]?.cells.slice(0, 2), ["a", 1]);
    assert.equal(table.rows[0]?.object.kind, "PartialObjectMetadata");
    const partial = await send("GET", `${CONFIG_MAPS}/a`, undefined, as("PartialObjectMetadata"));
    assert.deepEqual([partial.kind, "data" in partial], ["PartialObjectMetadata", false]);
  });
});

suite("watch", () => {
  async function take(events: AsyncIterable<WatchEvent>, count: number): Promise<string[]> {
    const seen: string[] = [];
    for await (const event of events) {
      const { metadata } = event.object as KubeObject;
      seen.push(`${event.type} ${metadata?.name ?? Object.keys(metadata?.annotations ?? {}).join()}`.trim());
      if (seen.length === count) break;
    }
    return seen;
  }

  test("watch tells the state and then every change", async () => {
    const { send, transport } = await start();
    await send("POST", CONFIG_MAPS, configMap("a"));
    const events = take(transport.watch({ method: "GET", path: CONFIG_MAPS }, forever), 4);
    // The watch begins when it is first asked for an event.
    await send("GET", CONFIG_MAPS);
    await send("POST", CONFIG_MAPS, configMap("b"));
    await send("PATCH", `${CONFIG_MAPS}/b`, { data: { k: "v" } }, merge);
    await send("DELETE", `${CONFIG_MAPS}/a`);
    assert.deepEqual(await events, ["ADDED a", "ADDED b", "MODIFIED b", "DELETED a"]);
  });

  test("watch continues from a resourceVersion without gap or repetition", async () => {
    const { send, transport } = await start();
    const a = await send("POST", CONFIG_MAPS, configMap("a"));
    await send("POST", CONFIG_MAPS, configMap("b"));
    await send("POST", CONFIG_MAPS, configMap("c"));
    const query = { resourceVersion: a.metadata.resourceVersion };
    assert.deepEqual(await take(transport.watch({ method: "GET", path: CONFIG_MAPS, query }, forever), 2), [
      "ADDED b",
      "ADDED c",
    ]);
  });

  test("watch shows objects that enter and leave its selector", async () => {
    const { send, transport } = await start();
    const label = (value: string | null): Promise<KubeObject> =>
      send("PATCH", `${CONFIG_MAPS}/a`, { metadata: { labels: { x: value } } }, merge);
    const { metadata } = await send("POST", CONFIG_MAPS, configMap("a"));
    await label("y");
    await send("PATCH", `${CONFIG_MAPS}/a`, { data: { k: "v" } }, merge);
    await label("z");
    const query = { labelSelector: "x=y", resourceVersion: metadata.resourceVersion };
    const events = take(transport.watch({ method: "GET", path: CONFIG_MAPS, query }, forever), 3);
    assert.deepEqual(await events, ["ADDED a", "MODIFIED a", "DELETED a"]);
  });

  test("watch ends its initial events with a bookmark", async () => {
    const { send, transport } = await start();
    await send("POST", CONFIG_MAPS, configMap("a"));
    const query = {
      sendInitialEvents: true,
      resourceVersionMatch: "NotOlderThan",
      allowWatchBookmarks: true,
    };
    const events = take(transport.watch({ method: "GET", path: CONFIG_MAPS, query }, forever), 2);
    assert.deepEqual(await events, ["ADDED a", "BOOKMARK k8s.io/initial-events-end"]);
  });

  test("watch from a time that is forgotten is Expired", async () => {
    const { send, transport } = await start({ limits: { watchHistoryMax: 2 } });
    const { metadata } = await send("POST", CONFIG_MAPS, configMap("a"));
    for (let i = 0; i < 8; i++) await send("POST", CONFIG_MAPS, configMap(`b${i}`));
    const query = { resourceVersion: metadata.resourceVersion };
    const error = await refusal(
      take(transport.watch({ method: "GET", path: CONFIG_MAPS, query }, forever), 1),
    );
    assert.equal(error.code, 410);
    assert.match(error.message, /^too old resource version: \d+ \(\d+\)$/);
  });

  test("watch ends when the server closes", async () => {
    const { server, send, transport } = await start();
    const events = take(transport.watch({ method: "GET", path: CONFIG_MAPS }, forever), 1);
    await send("GET", CONFIG_MAPS);
    await server.close();
    assert.deepEqual(await events, []);
  });

  test("in-process readers share one object", async () => {
    const { send, transport } = await start();
    const made = await send("POST", CONFIG_MAPS, configMap("a"));
    assert.equal(await send("GET", `${CONFIG_MAPS}/a`), made);
    for await (const event of transport.watch({ method: "GET", path: CONFIG_MAPS }, forever)) {
      assert.equal(event.object, made);
      break;
    }
  });
});

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
    const bind = (name: string) =>
      send("POST", `${PODS}/p/binding`, { metadata: { name: "p" }, target: { kind: "Node", name } });
    await bind("n");
    const bound = (await send("GET", `${PODS}/p`)) as KubeObject & {
      spec: { nodeName: string };
      status: { conditions: { type: string; status: string }[] };
    };
    assert.equal(bound.spec.nodeName, "n");
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
});
