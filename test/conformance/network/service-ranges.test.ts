/** ServiceCIDRs and IPAddresses as objects of the API. */
import assert from "node:assert/strict";
import { Services } from "#api/core/v1/service";
import { IPAddresses } from "#api/networking/v1/ipaddress";
import { ServiceCIDRs } from "#api/networking/v1/servicecidr";
import type { IPAddress, ServiceCIDR } from "#api/networking/v1/types.gen";
import { isInvalid } from "#apimachinery";
import { conformance, type ConformanceContext } from "../harness/index.ts";
import { newService } from "./services.ts";

const SUITE = "[sig-network] ServiceCIDR and IPAddress API should support";
/** Of the range for documentation, away from every Service; each test has its own part. */
const ADDRESS = "203.0.113.20";
const CIDR = "198.51.100.0/28";

async function discovered(t: ConformanceContext, plural: string): Promise<void> {
  const { resources } = (await t.http({ path: "/apis/networking.k8s.io/v1" })).json() as {
    readonly resources: readonly { readonly name: string; readonly verbs: readonly string[] }[];
  };
  const verbs = resources.find(({ name }) => name === plural)?.verbs.toSorted();
  assert.deepEqual(verbs, [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
  ]);
}

conformance(`${SUITE} ServiceCIDR API operations`, { containers: true }, async (t) => {
  const { client, signal, unique } = t;
  await discovered(t, "servicecidrs");
  const metadata = { name: unique, labels: { "made-by": unique } };
  const mine = { labelSelector: `made-by=${unique}` };
  const { resourceVersion } = (await client.list(ServiceCIDRs, mine, signal)).metadata;
  const watch = t.watch(ServiceCIDRs, { ...mine, resourceVersion: resourceVersion! });
  t.cleanup((undoing) => client.deleteCollection(ServiceCIDRs, mine, undoing));
  const object: ServiceCIDR = {
    apiVersion: "networking.k8s.io/v1",
    kind: "ServiceCIDR",
    metadata,
    spec: { cidrs: [CIDR] },
  };
  await client.create(ServiceCIDRs, object, signal);
  assert.equal((await watch.next()).type, "ADDED");
  const ready = await t.waitFor(ServiceCIDRs, { name: unique }, (now) =>
    (now?.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True"),
  );
  assert.deepEqual(ready.spec?.cidrs, [CIDR]);

  // Services may have addresses of it
  const inRange = "198.51.100.5";
  const service = await client.create(
    Services,
    newService(t, "in-range", { clusterIP: inRange, ports: [{ port: 80 }] }),
    signal,
  );
  assert.equal(service.spec?.clusterIP, inRange);
  const address = await client.get(IPAddresses, { name: inRange }, signal);
  assert.equal(address.spec?.parentRef?.name, "in-range");

  const patch = { type: "merge", body: { metadata: { annotations: { patched: "yes" } } } } as const;
  const patched = await client.patch(ServiceCIDRs, { name: unique }, patch, signal);
  assert.equal(patched.metadata.annotations?.["patched"], "yes");
  const annotations = { patched: "yes", updated: "yes" };
  const updated = await client.update(
    ServiceCIDRs,
    { ...patched, metadata: { ...patched.metadata, annotations } },
    signal,
  );
  assert.equal(updated.metadata.annotations?.["updated"], "yes");
  await assert.rejects(
    client.update(ServiceCIDRs, { ...updated, spec: { cidrs: ["198.51.100.16/28"] } }, signal),
    isInvalid,
  );

  // it stays as long as a Service has one of its addresses
  await client.delete(ServiceCIDRs, { name: unique }, signal);
  await t.waitFor(ServiceCIDRs, { name: unique }, (now) =>
    (now?.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "False"),
  );
  await client.delete(Services, { namespace: t.namespace, name: "in-range" }, signal);
  await t.waitGone(ServiceCIDRs, { name: unique });
  await watch.until("DELETED", ({ type }) => type === "DELETED");
});

conformance(`${SUITE} IPAddress API operations`, { containers: true }, async (t) => {
  const { client, signal, unique } = t;
  await discovered(t, "ipaddresses");
  const mine = { labelSelector: `made-by=${unique}` };
  const { resourceVersion } = (await client.list(IPAddresses, mine, signal)).metadata;
  const watch = t.watch(IPAddresses, { ...mine, resourceVersion: resourceVersion! });
  t.cleanup((undoing) => client.deleteCollection(IPAddresses, mine, undoing));
  const parentRef = { group: "example.com", resource: "things", namespace: t.namespace, name: "thing" };
  const object = (name: string): IPAddress => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "IPAddress",
    metadata: { name, labels: { "made-by": unique } },
    spec: { parentRef },
  });
  await assert.rejects(client.create(IPAddresses, object("not-an-address"), signal), isInvalid);
  const made = await client.create(IPAddresses, object(ADDRESS), signal);
  assert.equal((await watch.next()).type, "ADDED");
  const read = await client.get(IPAddresses, { name: ADDRESS }, signal);
  assert.deepEqual(read.spec?.parentRef, parentRef);
  const patch = { type: "merge", body: { metadata: { annotations: { patched: "yes" } } } } as const;
  const patched = await client.patch(IPAddresses, { name: ADDRESS }, patch, signal);
  assert.equal(patched.metadata.annotations?.["patched"], "yes");
  const updated = await client.update(
    IPAddresses,
    { ...patched, metadata: { ...patched.metadata, annotations: { updated: "yes" } } },
    signal,
  );
  assert.equal(updated.metadata.annotations?.["updated"], "yes");
  // whose an address is cannot change
  const moved = { ...updated, spec: { parentRef: { ...parentRef, name: "other" } } };
  await assert.rejects(client.update(IPAddresses, moved, signal), isInvalid);
  assert.equal(made.metadata.uid, updated.metadata.uid);
  await client.delete(IPAddresses, { name: ADDRESS }, signal);
  await watch.until("DELETED", ({ type }) => type === "DELETED");
  await client.create(IPAddresses, object(ADDRESS), signal);
  await client.deleteCollection(IPAddresses, mine, signal);
  assert.deepEqual((await client.list(IPAddresses, mine, signal)).items, []);
});
