import assert from "node:assert/strict";
import { Agent } from "node:https";
import { test } from "node:test";
import type { KubeObject, StatusError } from "#apimachinery";
import { newClient, discover } from "#client";
import {
  API_SERVICES,
  apiService,
  ask,
  createService,
  createSlice,
  FLUNDER_DEFINITION,
  FLUNDERS,
  flunder,
  GROUP,
  NAMESPACE,
  newPki,
  open,
  signal,
  startServer,
  until,
  untilCondition,
  type Pki,
  type RunningServer,
} from "./aggregation-fixture.ts";

const NAME = `v1alpha1.${GROUP}`;
const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

interface Pair extends AsyncDisposable {
  readonly front: RunningServer;
  readonly extension: RunningServer;
  readonly pki: Pki;
  readonly ports: Map<string, number>;
}

async function startPair(): Promise<Pair> {
  const pki = await newPki();
  const ports = new Map<string, number>();
  const front = await startServer(pki, { ports });
  const extension = await startServer(pki, undefined, `wardle.${NAMESPACE}.svc`);
  await extension.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", FLUNDER_DEFINITION);
  await until(
    () => ask(extension.port, pki, `/apis/${GROUP}/v1alpha1`),
    ({ status }) => status !== 404,
  );
  ports.set("wardle", extension.port);
  return {
    front,
    extension,
    pki,
    ports,
    async [Symbol.asyncDispose]() {
      await front.server.close();
      await extension.server.close();
    },
  };
}

async function register({ front, pki }: Pair): Promise<void> {
  await createService(front, "wardle");
  await createSlice(front, "wardle");
  const caBundle = Buffer.from(pki.ca.certificatePem).toString("base64");
  await front.send("POST", API_SERVICES, apiService(GROUP, "v1alpha1", "wardle", { caBundle }));
  await untilCondition(front, NAME, (reason) => reason === "Passed");
}

/** What the front knows of the extension's documents it learns in the background. */
function untilDiscovered({ front, pki }: Pair, admin: Parameters<typeof ask>[3]): Promise<unknown> {
  return until(
    () => ask(front.port, pki, "/apis", { ...admin, headers: { accept: AGGREGATED } }),
    ({ text }) => text.includes("flunders"),
  );
}

test("an API server registers what it serves itself", async () => {
  const pki = await newPki();
  await using front = await startServer(pki);
  const get = (name: string): Promise<KubeObject> => front.send("GET", `${API_SERVICES}/${name}`);
  const apps = (await get("v1.apps")) as KubeObject & { spec: object; status: { conditions: object[] } };
  assert.deepEqual(apps.metadata.labels, { "kube-aggregator.kubernetes.io/automanaged": "onstart" });
  assert.deepEqual(apps.spec, {
    group: "apps",
    version: "v1",
    groupPriorityMinimum: 17_800,
    versionPriority: 15,
  });
  const { lastTransitionTime, ...condition } = apps.status.conditions[0] as Record<string, unknown>;
  assert.equal(typeof lastTransitionTime, "string");
  assert.deepEqual(condition, {
    type: "Available",
    status: "True",
    reason: "Local",
    message: "Local APIServices are always available",
  });
  await get("v1.");
  await front.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", FLUNDER_DEFINITION);
  const own = await untilCondition(front, NAME, (reason) => reason === "Local");
  assert.deepEqual(own.metadata.labels, { "kube-aggregator.kubernetes.io/automanaged": "true" });
  assert.deepEqual([own.spec?.groupPriorityMinimum, own.spec?.versionPriority], [1000, 100]);
  await front.send("DELETE", `${API_SERVICES}/${NAME}`);
  const again = await untilCondition(front, NAME, () => true);
  assert.notEqual(again.metadata.uid, own.metadata.uid);
  await front.send("DELETE", `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/flunders.${GROUP}`);
  await until(
    () => get(NAME).catch((err: unknown) => err),
    (found) => (found as StatusError).reason === "NotFound",
  );
});

test("an API server tells others by whom to know it", async () => {
  const pki = await newPki();
  await using front = await startServer(pki);
  const path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
  const { data } = (await front.send("GET", path)) as unknown as { data: Record<string, string> };
  assert.equal(data["client-ca-file"]?.trim(), pki.ca.certificatePem.trim());
  assert.equal(data["requestheader-client-ca-file"]?.trim(), pki.frontProxyCa.certificatePem.trim());
  assert.equal(data["requestheader-allowed-names"], '["front-proxy-client"]');
});

test("kinds of another server are created, read, watched, patched and deleted through this one", async () => {
  await using pair = await startPair();
  await register(pair);
  const { front, extension, pki } = pair;
  const admin = { as: await pki.client("admin", "system:masters") };

  const watching = await open(front.port, pki, `${FLUNDERS}?watch=true&resourceVersion=0`, admin);
  assert.equal(watching.statusCode, 200);
  const lines = (watching as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  const created = await ask(front.port, pki, FLUNDERS, { ...admin, method: "POST", body: flunder("one") });
  assert.equal(created.status, 201, created.text);
  const event = JSON.parse(String((await lines.next()).value)) as { type: string; object: KubeObject };
  assert.deepEqual([event.type, event.object.metadata.name], ["ADDED", "one"]);
  watching.destroy();

  const stored = await extension.send("GET", `${FLUNDERS}/one`);
  assert.equal(stored.kind, "Flunder");
  const patched = await ask(front.port, pki, `${FLUNDERS}/one?fieldManager=me`, {
    ...admin,
    method: "PATCH",
    headers: { "content-type": "application/merge-patch+json" },
    body: { spec: { reference: "b" } },
  });
  assert.equal((patched.json()["spec"] as { reference: string }).reference, "b");
  const table = await ask(front.port, pki, FLUNDERS, {
    ...admin,
    headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
  });
  assert.equal(table.json()["kind"], "Table");
  const missing = await ask(front.port, pki, `${FLUNDERS}/none`, admin);
  assert.deepEqual([missing.status, missing.json()["reason"]], [404, "NotFound"]);
  const deleted = await ask(front.port, pki, FLUNDERS, { ...admin, method: "DELETE" });
  assert.equal(deleted.status, 200, deleted.text);
  assert.deepEqual((await ask(front.port, pki, FLUNDERS, admin)).json()["items"], []);
});

test("clients in the server's own process see the kinds of others", async () => {
  await using pair = await startPair();
  await register(pair);
  const { front, pki } = pair;
  await untilDiscovered(pair, { as: await pki.client("admin", "system:masters") });
  const { groups, failures } = await discover(front.transport, signal);
  assert.equal(failures.size, 0);
  const kind = groups
    .find(({ name }) => name === GROUP)
    ?.versions[0]?.kinds.find(({ names }) => names.plural === "flunders");
  assert.ok(kind !== undefined);
  const client = newClient(front.transport, { userAgent: "test" });
  await client.create(kind, flunder("two") as never, signal);
  const watched = client.watch(kind, { namespace: "default", resourceVersion: "0" }, signal);
  for await (const { object } of watched) {
    assert.equal((object as KubeObject).metadata.name, "two");
    break;
  }
  await assert.rejects(
    client.get(kind, { namespace: "default", name: "none" }, signal),
    (err) => (err as StatusError).reason === "NotFound",
  );
});

test("discovery and OpenAPI show the kinds of others among the server's own", async () => {
  await using pair = await startPair();
  await register(pair);
  const { front, extension, pki } = pair;
  const admin = { as: await pki.client("admin", "system:masters") };
  const get = (path: string, headers = {}): ReturnType<typeof ask> =>
    ask(front.port, pki, path, { ...admin, headers });
  await untilDiscovered(pair, admin);

  interface Group {
    readonly metadata: { readonly name: string };
    readonly versions: readonly { readonly freshness: string; readonly resources: readonly object[] }[];
  }
  const items = (await get("/apis", { accept: AGGREGATED })).json()["items"] as Group[];
  assert.equal(items[0]?.metadata.name, "apiregistration.k8s.io");
  assert.equal(items[1]?.metadata.name, "apps");
  const own = items.find(({ metadata }) => metadata.name === GROUP)!;
  assert.equal(own.versions[0]?.freshness, "Current");
  const direct = (
    await ask(extension.port, pki, "/apis", { ...admin, headers: { accept: AGGREGATED } })
  ).json();
  const behind = (direct["items"] as Group[]).find(({ metadata }) => metadata.name === GROUP)!;
  assert.deepEqual(own.versions, behind.versions);

  const legacy = (await get("/apis")).json()["groups"] as { name: string; preferredVersion: object }[];
  const shown = legacy.find(({ name }) => name === GROUP);
  assert.deepEqual(shown?.preferredVersion, { groupVersion: `${GROUP}/v1alpha1`, version: "v1alpha1" });
  assert.equal((await get(`/apis/${GROUP}`)).json()["kind"], "APIGroup");
  assert.equal((await get(`/apis/${GROUP}/v1alpha1`)).json()["kind"], "APIResourceList");

  const key = `apis/${GROUP}/v1alpha1`;
  const index = await until(
    () => get("/openapi/v3"),
    ({ text }) => text.includes(key),
  );
  const url = (index.json()["paths"] as Record<string, { serverRelativeURL: string }>)[key]!
    .serverRelativeURL;
  assert.match(url, /\?hash=[0-9A-F]+$/);
  const v3 = await get(url);
  assert.ok(
    "com.example.wardle.v1alpha1.Flunder" in (v3.json()["components"] as { schemas: object }).schemas,
  );
  assert.equal((await get(url.replace(/hash=.*/, "hash=OLD"))).headers.location, url);

  const v2 = await until(
    () => get("/openapi/v2"),
    ({ text }) => text.includes("com.example.wardle"),
  );
  const { paths, definitions } = v2.json() as { paths: object; definitions: object };
  assert.ok(`/${key}/namespaces/{namespace}/flunders` in paths);
  assert.ok("/apis/apps/v1/deployments" in paths);
  assert.ok("com.example.wardle.v1alpha1.Flunder" in definitions);
  // Both servers are of one version: nothing had to be renamed.
  assert.deepEqual(
    Object.keys(definitions).filter((name) => name.endsWith("_v2")),
    [],
  );
  const protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
  assert.ok((await get("/openapi/v2", { accept: protobuf })).text.includes("com.example.wardle"));

  await front.send("DELETE", `${API_SERVICES}/${NAME}`);
  const gone = await until(
    () => get("/apis"),
    ({ text }) => !text.includes(GROUP),
  );
  assert.equal(gone.status, 200);
  assert.ok(!(await get("/openapi/v2")).text.includes("com.example.wardle"));
  assert.equal((await get(FLUNDERS)).status, 404);
});

test("an APIService says why it is not available, answers 503 while it is not, and recovers", async () => {
  await using pair = await startPair();
  const { front, pki, ports } = pair;
  const admin = { as: await pki.client("admin", "system:masters") };
  const caBundle = Buffer.from(pki.ca.certificatePem).toString("base64");
  await front.send("POST", API_SERVICES, apiService(GROUP, "v1alpha1", "wardle", { caBundle }));
  const says = async (wanted: string): Promise<string> => {
    const { status } = await untilCondition(front, NAME, (reason) => reason === wanted);
    return status!.conditions![0]!.message!;
  };
  assert.equal(await says("ServiceNotFound"), `service/wardle in "${NAMESPACE}" is not present`);
  const refused = await ask(front.port, pki, FLUNDERS, admin);
  assert.deepEqual([refused.status, refused.text], [503, "service unavailable\n"]);
  const stale = await ask(front.port, pki, "/apis", { ...admin, headers: { accept: AGGREGATED } });
  assert.match(stale.text, new RegExp(`"${GROUP}".{0,60}"freshness":"Stale"`));
  const table = await ask(front.port, pki, `${API_SERVICES}/${NAME}`, {
    ...admin,
    headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
  });
  const [row] = table.json()["rows"] as { cells: unknown[] }[];
  assert.deepEqual(row?.cells.slice(0, 3), [NAME, `${NAMESPACE}/wardle`, "False (ServiceNotFound)"]);

  const { text: metrics } = await ask(front.port, pki, "/metrics", admin);
  assert.match(metrics, new RegExp(`aggregator_unavailable_apiservice\\{name="${NAME}"\\} 1`));
  assert.match(metrics, /aggregator_unavailable_apiservice_total\{name=".*",reason="ServiceNotFound"\} 1/);

  await createService(front, "wardle", 80);
  assert.equal(
    await says("ServicePortError"),
    `service/wardle in "${NAMESPACE}" is not listening on port 443`,
  );
  const service = `/api/v1/namespaces/${NAMESPACE}/services/wardle`;
  await front.send("DELETE", service);
  await createService(front, "wardle");
  await says("EndpointsNotFound");
  await createSlice(front, "wardle", false);
  await says("MissingEndpoints");
  const slice = `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices/wardle-1`;
  const port = ports.get("wardle")!;
  ports.set("wardle", 1);
  await front.send("DELETE", slice);
  await createSlice(front, "wardle");
  assert.equal(
    await says("FailedDiscoveryCheck"),
    `failing or missing response from https://127.0.0.1:1/apis/${GROUP}/v1alpha1: ` +
      `Get "https://127.0.0.1:1/apis/${GROUP}/v1alpha1": dial tcp 127.0.0.1:1: connect: connection refused`,
  );
  ports.set("wardle", port);
  assert.equal(await says("Passed"), "all checks passed");
  assert.equal((await ask(front.port, pki, FLUNDERS, admin)).status, 200);
  // It is gone before a check has seen that.
  ports.set("wardle", 1);
  const unreachable = await ask(front.port, pki, FLUNDERS, admin);
  assert.equal(unreachable.status, 503);
  assert.match(
    unreachable.text,
    /^error trying to reach service: dial tcp 127\.0\.0\.1:1: connect: connection refused/,
  );
});

test("a user is asked about in front, and is the same user behind, whatever headers say", async () => {
  await using pair = await startPair();
  await register(pair);
  const { front, extension, pki } = pair;
  const jane = { as: await pki.client("jane", "a, b") };
  const smuggled = { "X-Remote-User": "system:admin", "X-Remote-Group": "system:masters" };
  await grant(extension);
  const denied = await ask(front.port, pki, FLUNDERS, { ...jane, headers: smuggled });
  assert.equal(denied.status, 403);
  assert.match(denied.text, /User \\"jane\\" cannot list resource \\"flunders\\"/);
  await grant(front);
  assert.equal((await ask(front.port, pki, FLUNDERS, jane)).status, 200);
  // Who is allowed in front alone is refused behind, as who they are.
  await extension.send("DELETE", `${RBAC}/clusterrolebindings/flunders`);
  const behind = await until(
    () => ask(front.port, pki, FLUNDERS, { ...jane, headers: smuggled }),
    ({ status }) => status !== 200,
  );
  assert.equal(behind.status, 403);
  assert.match(behind.text, /User \\"jane\\"/);
});

const RBAC = "/apis/rbac.authorization.k8s.io/v1";

/** Jane may do everything with flunders. */
async function grant({ send }: RunningServer): Promise<void> {
  const meta = { apiVersion: "rbac.authorization.k8s.io/v1", metadata: { name: "flunders" } };
  const apiGroup = "rbac.authorization.k8s.io";
  const rules = [{ apiGroups: [GROUP], resources: ["flunders"], verbs: ["*"] }];
  await send("POST", `${RBAC}/clusterroles`, { ...meta, kind: "ClusterRole", rules });
  await send("POST", `${RBAC}/clusterrolebindings`, {
    ...meta,
    kind: "ClusterRoleBinding",
    roleRef: { apiGroup, kind: "ClusterRole", name: "flunders" },
    subjects: [{ apiGroup, kind: "User", name: "jane" }],
  });
  await until(
    () =>
      send("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: { user: "jane", resourceAttributes: { group: GROUP, resource: "flunders", verb: "list" } },
      }),
    (review) => (review as KubeObject & { status: { allowed: boolean } }).status.allowed,
  );
}

test("a front proxy speaks for many users on one connection, and nobody else does", async () => {
  const pki = await newPki();
  await using server = await startServer(pki);
  const review = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const whoAmI = async (
    as: Parameters<typeof ask>[3] & object,
    headers: Record<string, string | string[]>,
  ): Promise<{ username: string; uid?: string; groups: string[]; extra?: object } | number> => {
    const answer = await ask(server.port, pki, review, { ...as, method: "POST", headers, body });
    if (answer.status !== 201) return answer.status;
    return (answer.json()["status"] as { userInfo: never }).userInfo;
  };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const proxy = { as: pki.frontProxy, agent };
  const jane = { "X-Remote-User": "jane", "X-Remote-Uid": "7", "X-Remote-Group": ["a, b", "c"] };
  assert.deepEqual(await whoAmI(proxy, { ...jane, "X-Remote-Extra-Example.com%2Fkey": "v" }), {
    username: "jane",
    uid: "7",
    groups: ["a, b", "c", "system:authenticated"],
    extra: { "example.com/key": ["v"] },
  });
  assert.deepEqual(await whoAmI(proxy, { "X-Remote-User": "joe" }), {
    username: "joe",
    groups: ["system:authenticated"],
  });
  agent.destroy();
  // The proxy's own certificate names no user of the cluster.
  assert.equal(await whoAmI({ as: pki.frontProxy }, {}), 401);
  const client = await pki.client("front-proxy-client");
  const own = await whoAmI({ as: client }, jane);
  assert.equal(typeof own === "number" ? own : own.username, "front-proxy-client");
  // system:anonymous may not ask who it is.
  assert.equal(await whoAmI({}, { ...jane, "X-Remote-Group": "system:masters" }), 403);
});
