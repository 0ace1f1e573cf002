/** Services as objects: their status, many at once, and those of all namespaces. */
import assert from "node:assert/strict";
import { Services } from "#api/core/v1/service";
import type { Service } from "#api/core/v1/types.gen";
import { conformance } from "../harness/index.ts";
import { newService } from "./services.ts";

const SUITE = "[sig-network] Services should";
const PORTS = [{ name: "http", port: 80, protocol: "TCP", targetPort: 80 }];

conformance(`${SUITE} complete a service status lifecycle`, { containers: true }, async (t) => {
  const { client, signal, namespace } = t;
  const spec = { type: "LoadBalancer", loadBalancerClass: "example.com/none", ports: PORTS };
  const made = await client.create(Services, newService(t, "status", spec), signal);
  const { metadata } = made;
  const watch = t.watch(Services, { namespace, resourceVersion: metadata.resourceVersion! });
  const next = async (): Promise<Service> => (await watch.next()).object as Service;

  const loadBalancer = { ingress: [{ ip: "203.0.113.1" }] };
  const patch = {
    type: "merge",
    body: { metadata: { annotations: { patched: "yes" } }, status: { loadBalancer } },
  } as const;
  const patched = await client.patch(Services, metadata, patch, signal, { subresource: "status" });
  assert.equal(patched.status?.loadBalancer?.ingress?.[0]?.ip, "203.0.113.1");
  assert.equal((await next()).metadata.annotations?.["patched"], "yes");

  const condition = {
    type: "StatusUpdate",
    status: "True" as const,
    reason: "E2E",
    message: "Set by a test",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  };
  const updated = await client.updateStatus(
    Services,
    { ...patched, status: { ...patched.status, conditions: [condition] } },
    signal,
  );
  assert.deepEqual(updated.status?.conditions, [condition]);
  assert.deepEqual((await next()).status?.conditions, [condition]);

  const body = {
    spec: { externalName: "ignored.example.com" },
    status: { conditions: [{ ...condition, status: "False" }] },
  };
  const again = await client.patch(Services, metadata, { type: "strategic", body }, signal, {
    subresource: "status",
  });
  // by this way, nothing but the status changes
  assert.equal(again.spec?.externalName, undefined);
  assert.equal(again.status?.conditions?.[0]?.status, "False");
  assert.deepEqual((await next()).status, again.status);

  const read = (await client.getSubresource(Services, metadata, "status", signal)) as Service;
  assert.deepEqual(read.status, again.status);
  const plain = await client.patch(
    Services,
    metadata,
    { type: "merge", body: { metadata: { labels: { step: "patched" } }, status: { conditions: [] } } },
    signal,
  );
  assert.deepEqual([plain.metadata.labels?.["step"], plain.status], ["patched", again.status]);
  await client.delete(Services, metadata, signal);
  await watch.until("DELETED", ({ type }) => type === "DELETED");
});

conformance(`${SUITE} delete a collection of services`, { containers: true }, async (t) => {
  const { client, signal, namespace } = t;
  for (const [name, group] of [
    ["a", "gone"],
    ["b", "gone"],
    ["c", "kept"],
  ] as const)
    await client.create(Services, newService(t, name, { ports: PORTS }, { group }), signal);
  await client.deleteCollection(Services, { namespace, labelSelector: "group=gone" }, signal);
  for (const name of ["a", "b"]) await t.waitGone(Services, { namespace, name });
  const { items } = await client.list(Services, { namespace }, signal);
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ["c"],
  );
});

conformance(`${SUITE} find a service from listing all namespaces`, { containers: true }, async (t) => {
  const { metadata } = await t.client.create(Services, newService(t, "anywhere", { ports: PORTS }), t.signal);
  const { items } = await t.client.list(Services, {}, t.signal);
  const found = items.find(({ metadata: { uid } }) => uid === metadata.uid);
  assert.equal(found?.metadata.namespace, t.namespace);
  // the one that every cluster has
  assert.ok(items.some((one) => one.metadata.name === "kubernetes" && one.metadata.namespace === "default"));
});
