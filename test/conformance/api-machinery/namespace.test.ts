/** Namespaces: their fields, and what goes with them when they are deleted. */
import assert from "node:assert/strict";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Namespaces } from "#api/core/v1/namespace";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import type { Namespace } from "#api/core/v1/types.gen";
import { StatusError } from "#apimachinery";
import { conformance, newPod, type ConformanceContext } from "../harness/index.ts";

const HELD = "conformance.example.com/held";

async function deleteAndWait(t: ConformanceContext, name: string): Promise<void> {
  await t.client.delete(Namespaces, { name }, t.signal);
  await t.waitGone(Namespaces, { name });
}

function condition(type: string): object {
  return { type, status: "True", reason: "Test", message: "Set by a test" };
}

function typesOf({ status }: Namespace): readonly string[] {
  return (status?.conditions ?? []).map(({ type }) => type);
}

/** Creates it once more, with nothing of the old one in it. */
async function recreate(t: ConformanceContext, name: string): Promise<void> {
  await t.client.create(Namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } }, t.signal);
}

conformance(
  "[sig-api-machinery] Namespaces [Serial] should ensure that all pods are removed when a namespace is deleted",
  async (t) => {
    const name = await t.newNamespace();
    const pod = await t.client.create(
      Pods,
      { ...newPod(t, "p"), metadata: { name: "p", namespace: name } },
      t.signal,
    );
    await t.waitFor(Pods, pod.metadata, (now) => now?.status?.phase === "Running");
    await deleteAndWait(t, name);
    assert.equal((await t.http({ path: `/api/v1/namespaces/${name}/pods/p` })).status, 404);
    await recreate(t, name);
    assert.deepEqual((await t.client.list(Pods, { namespace: name }, t.signal)).items, []);
  },
);

conformance(
  "[sig-api-machinery] Namespaces [Serial] should ensure that all services are removed when a namespace is deleted",
  async (t) => {
    const name = await t.newNamespace();
    await t.client.create(
      Services,
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "s", namespace: name },
        spec: { selector: { app: "s" }, ports: [{ port: 80 }] },
      },
      t.signal,
    );
    await deleteAndWait(t, name);
    await recreate(t, name);
    assert.deepEqual((await t.client.list(Services, { namespace: name }, t.signal)).items, []);
  },
);

conformance("[sig-api-machinery] Namespaces [Serial] should patch a Namespace", async (t) => {
  const body = { metadata: { labels: { patched: "yes" } } };
  const ref = { name: t.namespace };
  const patched = await t.client.patch(Namespaces, ref, { type: "strategic", body }, t.signal);
  assert.equal(patched.metadata.labels?.["patched"], "yes");
  const { metadata } = await t.client.get(Namespaces, ref, t.signal);
  assert.equal(metadata.labels?.["patched"], "yes");
  assert.equal(metadata.labels["kubernetes.io/metadata.name"], t.namespace);
});

conformance("[sig-api-machinery] Namespaces [Serial] should apply an update to a Namespace", async (t) => {
  const ref = { name: t.namespace };
  const current = await t.client.get(Namespaces, ref, t.signal);
  const metadata = { ...current.metadata, labels: { ...current.metadata.labels, updated: "yes" } };
  await t.client.update(Namespaces, { ...current, metadata }, t.signal);
  const after = await t.client.get(Namespaces, ref, t.signal);
  assert.equal(after.metadata.labels?.["updated"], "yes");
  // who still holds the old version may not write over it
  await assert.rejects(t.client.update(Namespaces, { ...current, metadata }, t.signal), { code: 409 });
});

conformance(
  "[sig-api-machinery] Namespaces [Serial] should apply changes to a namespace status",
  async (t) => {
    const ref = { name: t.namespace };
    const body = {
      metadata: { annotations: { patched: "yes" } },
      status: { conditions: [condition("StatusPatch")] },
    };
    const patched = await t.client.patch(Namespaces, ref, { type: "merge", body }, t.signal, {
      subresource: "status",
    });
    assert.deepEqual(typesOf(patched), ["StatusPatch"]);
    assert.equal(patched.status?.phase, "Active");
    const status = {
      ...patched.status,
      conditions: [...patched.status.conditions!, condition("StatusUpdate")],
    } as NonNullable<Namespace["status"]>;
    const updated = await t.client.updateStatus(Namespaces, { ...patched, status }, t.signal);
    assert.deepEqual(typesOf(updated), ["StatusPatch", "StatusUpdate"]);
    // a write to the object itself leaves the status alone
    const { status: _, ...bare } = updated;
    const kept = await t.client.update(Namespaces, bare, t.signal);
    assert.deepEqual(typesOf(kept), ["StatusPatch", "StatusUpdate"]);
  },
);

conformance("[sig-api-machinery] Namespaces [Serial] should apply a finalizer to a Namespace", async (t) => {
  const name = await t.newNamespace();
  const finalize = async (finalizers: readonly string[]): Promise<Namespace> => {
    const current = await t.client.get(Namespaces, { name }, t.signal);
    const object = { ...current, spec: { finalizers } };
    return (await t.client.updateSubresource(
      Namespaces,
      { name },
      "finalize",
      object,
      t.signal,
    )) as Namespace;
  };
  assert.deepEqual((await t.client.get(Namespaces, { name }, t.signal)).spec?.finalizers, ["kubernetes"]);
  assert.deepEqual((await finalize(["kubernetes", HELD])).spec?.finalizers, ["kubernetes", HELD]);
  await t.client.delete(Namespaces, { name }, t.signal);
  await t.waitFor(Namespaces, { name }, (now) => {
    const finalizers = now?.spec?.finalizers ?? [];
    return now?.status?.phase === "Terminating" && finalizers.length === 1 && finalizers[0] === HELD;
  });
  await finalize([]);
  await t.waitGone(Namespaces, { name });
});

conformance(
  "[sig-api-machinery] OrderedNamespaceDeletion namespace deletion should delete pod first",
  async (t) => {
    const name = await t.newNamespace();
    const pod = newPod(t, "held");
    await t.client.create(
      Pods,
      { ...pod, metadata: { name: "held", namespace: name, finalizers: [HELD] } },
      t.signal,
    );
    const map = { namespace: name, name: "map" };
    await t.client.create(ConfigMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: map }, t.signal);
    await t.client.delete(Namespaces, { name }, t.signal);
    // the pod holds everything else back, and the namespace says so
    await t.waitFor(
      Pods,
      { namespace: name, name: "held" },
      (now) => now?.metadata.deletionTimestamp !== undefined,
    );
    await t.waitFor(Namespaces, { name }, (now) =>
      (now?.status?.conditions ?? []).some(
        ({ type, status, message }) =>
          type === "NamespaceContentRemaining" &&
          status === "True" &&
          message?.includes("pods. has 1 resource instances"),
      ),
    );
    const kept = await t.client.get(ConfigMaps, map, t.signal);
    assert.equal(kept.metadata.deletionTimestamp, undefined);
    await assert.rejects(
      t.client.create(
        ConfigMaps,
        { apiVersion: "v1", kind: "ConfigMap", metadata: { ...map, name: "late" } },
        t.signal,
      ),
      (err) =>
        err instanceof StatusError && err.code === 403 && /because it is being terminated/.test(err.message),
    );
    const body = { metadata: { finalizers: [] } };
    await t.client.patch(Pods, { namespace: name, name: "held" }, { type: "merge", body }, t.signal);
    await t.waitGone(Namespaces, { name });
    assert.equal((await t.http({ path: `/api/v1/namespaces/${name}/configmaps/map` })).status, 404);
  },
);
