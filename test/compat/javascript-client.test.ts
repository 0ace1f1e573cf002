/** The official JavaScript client against our server, over HTTPS on the loopback device. @module */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { after, before, test } from "node:test";
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  Log,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  VersionApi,
  Watch,
  type V1ConfigMap,
} from "@kubernetes/client-node";
import { startTestCluster, type TestCluster } from "#testing";

const PATIENCE_MS = 10_000;
const NAMESPACE = "default";

let cluster: TestCluster;
const config = new KubeConfig();

before(async () => {
  cluster = await startTestCluster({ listen: true, nodes: 1 });
  config.loadFromString(cluster.kubeconfig!);
});

after(async () => {
  await cluster.close();
});

function configMap(name: string, data: Readonly<Record<string, string>>, app = "js"): V1ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels: { app } }, data: { ...data } };
}

/** Rejects when nothing has happened for too long. */
async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = AbortSignal.timeout(PATIENCE_MS);
  const expired = new Promise<never>((_, reject) => {
    late.addEventListener("abort", () => reject(new Error(`${what} did not happen in ${PATIENCE_MS} ms`)));
  });
  return Promise.race([promise, expired]);
}

function codeOf(err: unknown): number {
  assert.ok(err instanceof ApiException, String(err));
  return err.code;
}

test("client-node reads the version and lists what every cluster has", async () => {
  const { gitVersion } = await config.makeApiClient(VersionApi).getCode();
  assert.match(gitVersion, /^v1\.36\./);
  const namespaces = await config.makeApiClient(CoreV1Api).listNamespace();
  const names = namespaces.items.map(({ metadata }) => metadata?.name);
  for (const name of ["default", "kube-system", "kube-public", "kube-node-lease"])
    assert.ok(names.includes(name), name);
});

test("client-node creates, reads, replaces, patches and deletes an object", async () => {
  const core = config.makeApiClient(CoreV1Api);
  const made = await core.createNamespacedConfigMap({
    namespace: NAMESPACE,
    body: configMap("crud", { a: "1" }),
  });
  assert.ok(made.metadata?.creationTimestamp instanceof Date);
  const at = { name: "crud", namespace: NAMESPACE };
  const read = await core.readNamespacedConfigMap(at);
  assert.deepEqual(read.data, { a: "1" });
  read.data = { a: "2" };
  const replaced = await core.replaceNamespacedConfigMap({ ...at, body: read });
  assert.notEqual(replaced.metadata?.resourceVersion, made.metadata.resourceVersion);
  const patches: readonly (readonly [type: string, body: unknown, data: object])[] = [
    [PatchStrategy.MergePatch, { data: { b: "3" } }, { a: "2", b: "3" }],
    [PatchStrategy.StrategicMergePatch, { data: { a: null } }, { b: "3" }],
    [PatchStrategy.JsonPatch, [{ op: "add", path: "/data/c", value: "4" }], { b: "3", c: "4" }],
  ];
  for (const [type, body, data] of patches) {
    const patched = await core.patchNamespacedConfigMap(
      { ...at, body },
      setHeaderOptions("Content-Type", type),
    );
    assert.deepEqual(patched.data, data, type);
  }
  await core.deleteNamespacedConfigMap(at);
  await assert.rejects(core.readNamespacedConfigMap(at), (err) => codeOf(err) === 404);
});

test("client-node applies what it owns, and is refused what others own", async () => {
  const core = config.makeApiClient(CoreV1Api);
  const apply = (value: string, fieldManager: string): Promise<V1ConfigMap> =>
    core.patchNamespacedConfigMap(
      { name: "applied", namespace: NAMESPACE, body: configMap("applied", { a: value }), fieldManager },
      setHeaderOptions("Content-Type", PatchStrategy.ServerSideApply),
    );
  assert.deepEqual((await apply("1", "one")).data, { a: "1" });
  await assert.rejects(apply("2", "two"), (err) => codeOf(err) === 409);
  assert.deepEqual((await apply("3", "one")).data, { a: "3" });
});

test("client-node is told why it is refused", async () => {
  const core = config.makeApiClient(CoreV1Api);
  const create = (body: V1ConfigMap): Promise<V1ConfigMap> =>
    core.createNamespacedConfigMap({ namespace: NAMESPACE, body });
  await create(configMap("taken", {}));
  const table: readonly (readonly [what: () => Promise<unknown>, code: number, reason: string])[] = [
    [() => create(configMap("taken", {})), 409, "AlreadyExists"],
    [() => create(configMap("Not Valid", {})), 422, "Invalid"],
    [() => core.readNamespacedPod({ name: "none", namespace: NAMESPACE }), 404, "NotFound"],
    [() => core.listNamespacedPod({ namespace: NAMESPACE, labelSelector: "a in" }), 400, "BadRequest"],
  ];
  for (const [what, code, reason] of table) {
    await assert.rejects(what(), (err) => {
      assert.equal(codeOf(err), code);
      const { body } = err as ApiException<unknown>;
      const status = (typeof body === "string" ? JSON.parse(body) : body) as { readonly reason: string };
      assert.equal(status.reason, reason);
      return true;
    });
  }
});

test("client-node lists page by page and by label", async () => {
  const core = config.makeApiClient(CoreV1Api);
  for (const name of ["page-a", "page-b", "page-c"]) {
    await core.createNamespacedConfigMap({ namespace: NAMESPACE, body: configMap(name, {}, "paged") });
  }
  const names: (string | undefined)[] = [];
  let from: string | undefined;
  do {
    const page = await core.listNamespacedConfigMap({
      namespace: NAMESPACE,
      labelSelector: "app=paged",
      limit: 2,
      ...(from !== undefined && { _continue: from }),
    });
    assert.ok(page.items.length <= 2);
    names.push(...page.items.map(({ metadata }) => metadata?.name));
    // The generator's name for the reserved word.
    ({ _continue: from } = page.metadata ?? {});
  } while (from);
  assert.deepEqual(names, ["page-a", "page-b", "page-c"]);
});

test("client-node finds resources by discovery", async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const spec = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "generic", namespace: NAMESPACE },
  };
  const labels = { app: "generic" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "demo/web:1" }] } };
  await objects.create({
    ...spec,
    spec: { replicas: 0, selector: { matchLabels: labels }, template },
  } as typeof spec);
  const read = await config
    .makeApiClient(AppsV1Api)
    .readNamespacedDeployment({ name: "generic", namespace: NAMESPACE });
  assert.equal(read.spec?.replicas, 0);
  await objects.delete(spec);
});

test("client-node watches changes as they come", async () => {
  const core = config.makeApiClient(CoreV1Api);
  const { metadata } = await core.listNamespacedConfigMap({ namespace: NAMESPACE });
  const seen: string[] = [];
  const all = Promise.withResolvers<void>();
  const query = { resourceVersion: metadata?.resourceVersion, labelSelector: "app=watched" };
  const watching = await new Watch(config).watch(
    `/api/v1/namespaces/${NAMESPACE}/configmaps`,
    query,
    (phase, object: V1ConfigMap) => {
      seen.push(`${phase} ${object.metadata?.name}`);
      if (phase === "DELETED") all.resolve();
    },
    (err: unknown) => all.reject(err instanceof Error ? err : new Error("The watch ended")),
  );
  const at = { name: "watched", namespace: NAMESPACE };
  await core.createNamespacedConfigMap({ namespace: NAMESPACE, body: configMap("watched", {}, "watched") });
  await core.createNamespacedConfigMap({ namespace: NAMESPACE, body: configMap("unwatched", {}) });
  const body = configMap("watched", { a: "1" }, "watched");
  await core.replaceNamespacedConfigMap({ ...at, body });
  await core.deleteNamespacedConfigMap(at);
  await soon(all.promise, "The deletion");
  watching.abort();
  assert.deepEqual(seen, ["ADDED watched", "MODIFIED watched", "DELETED watched"]);
});

test("client-node keeps a cache with its informer", async () => {
  const core = config.makeApiClient(CoreV1Api);
  await core.createNamespacedConfigMap({ namespace: NAMESPACE, body: configMap("before", {}, "cached") });
  const informer = makeInformer(
    config,
    `/api/v1/namespaces/${NAMESPACE}/configmaps`,
    () => core.listNamespacedConfigMap({ namespace: NAMESPACE, labelSelector: "app=cached" }),
    "app=cached",
  );
  const told: string[] = [];
  const gone = Promise.withResolvers<void>();
  informer.on("add", ({ metadata }) => void told.push(`+${metadata?.name}`));
  informer.on("delete", ({ metadata }) => {
    told.push(`-${metadata?.name}`);
    gone.resolve();
  });
  const connected = Promise.withResolvers<void>();
  informer.on("connect", () => connected.resolve());
  informer.on("error", (err: unknown) => gone.reject(err instanceof Error ? err : new Error(String(err))));
  await informer.start();
  await soon(connected.promise, "The connection of the informer");
  await core.createNamespacedConfigMap({ namespace: NAMESPACE, body: configMap("later", {}, "cached") });
  await core.deleteNamespacedConfigMap({ name: "before", namespace: NAMESPACE });
  await soon(gone.promise, "The deletion");
  await informer.stop();
  assert.deepEqual(told, ["+before", "+later", "-before"]);
  assert.deepEqual(
    informer.list(NAMESPACE).map(({ metadata }) => metadata?.name),
    ["later"],
  );
});

test("client-node is told that a pod that does not exist has no log", async () => {
  const log = new Log(config).log(NAMESPACE, "none", "c", new PassThrough(), { follow: true });
  await assert.rejects(soon(log, "The answer"), (err) => codeOf(err) === 404);
});
