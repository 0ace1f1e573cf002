/** Custom objects move to another stored version, and the definition forgets the old one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger, systemClock, type KubeObject } from "#apimachinery";
import { createApiServer } from "#apiserver";
import { newClient, newEventRecorder, newInformerFactory } from "#client";
import { startManager } from "#controller-runtime";
import { newControllers } from "#controllers";
import { openMemoryStore } from "#storage";

const never = new AbortController().signal;
const GROUP = "stable.example.com";
const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const MIGRATIONS = "/apis/storagemigration.k8s.io/v1/storageversionmigrations";
const WAIT_MS = 60_000;

interface Status extends KubeObject {
  readonly status?: {
    readonly storedVersions?: readonly string[];
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const version = (name: string, storage: boolean): object => ({
  name,
  storage,
  served: true,
  schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
});

test("a StorageVersionMigration rewrites what is stored in an old version", async (t) => {
  const store = await openMemoryStore();
  await using server = await createApiServer({ store });
  const stop = new AbortController();
  t.after(() => stop.abort());
  const transport = server.transport();
  const send = async (method: "GET" | "POST" | "PUT", path: string, body?: unknown): Promise<Status> =>
    (await transport.request({ method, path, ...(body !== undefined && { body }) }, never)).body as Status;
  const client = newClient(transport);
  const parts = { clock: systemClock, random: () => 0.5, logger: silentLogger };
  const informers = newInformerFactory({ client, ...parts, freeze: true });
  const recorder = newEventRecorder({ client, component: "test", ...parts }, stop.signal);
  const context = { client, informers, recorder, clock: systemClock, logger: silentLogger };
  const controllers = newControllers(context, {
    names: ["storage-version-migrator-controller"],
  });
  const manager = startManager({ ...context, random: parts.random, controllers }, stop.signal);

  const definition = (stored: string): object => ({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `tabs.${GROUP}` },
    spec: {
      group: GROUP,
      scope: "Namespaced",
      names: { plural: "tabs", singular: "tab", kind: "Tab" },
      versions: [version("v1", stored === "v1"), version("v2", stored === "v2")],
    },
  });
  await send("POST", CRDS, definition("v1"));
  const tabs = `/apis/${GROUP}/v1/namespaces/default/tabs`;
  await eventually(() =>
    send("POST", tabs, { apiVersion: `${GROUP}/v1`, kind: "Tab", metadata: { name: "a" } }),
  );
  const crd = `${CRDS}/tabs.${GROUP}`;
  const { metadata } = await send("GET", crd);
  await send("PUT", crd, { ...definition("v2"), metadata });
  const storedVersions = async (): Promise<readonly string[]> =>
    (await send("GET", crd)).status!.storedVersions!;
  await eventually(async () => assert.deepEqual(await storedVersions(), ["v1", "v2"]));
  const key = `/registry/${GROUP}/tabs/default/a`;
  const bytes = async (): Promise<string> => Buffer.from((await store.get(key))!.value).toString();
  assert.match(await bytes(), /"stable.example.com\/v1"/);

  const spec = { resource: { group: GROUP, resource: "tabs" } };
  await send("POST", MIGRATIONS, { metadata: { name: "tabs" }, spec });
  await eventually(async () => {
    const { status } = await send("GET", `${MIGRATIONS}/tabs`);
    const found = Object.fromEntries((status?.conditions ?? []).map((each) => [each.type, each.status]));
    assert.deepEqual(found, { Succeeded: "True", Running: "False" });
  });
  assert.match(await bytes(), /"stable.example.com\/v2"/);
  assert.deepEqual(await storedVersions(), ["v2"]);
  const { status } = await send("GET", crd);
  assert.equal(status!.conditions!.find(({ type }) => type === "StorageMigrating")?.status, "False");
  stop.abort();
  await manager.stopped;
});

async function eventually<T>(run: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + WAIT_MS;
  for (;;) {
    try {
      return await run();
    } catch (err) {
      if (performance.now() > untilMs) throw err;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
