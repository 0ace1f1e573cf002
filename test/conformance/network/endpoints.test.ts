/** Endpoints as objects, and how the controllers make them and EndpointSlices of Services and of each other. */
import assert from "node:assert/strict";
import { Endpoints } from "#api/core/v1/endpoints";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { isNotFound } from "#apimachinery";
import { CONTAINER, conformance, newPod, type ConformanceContext } from "../harness/index.ts";
import { isPodReady } from "../apps/workloads.ts";
import { checkOperations } from "../api-machinery/api-operations.ts";
import { newService, readyOf, untilSlices } from "./services.ts";

const LABELS = { app: "backend" };
const PORTS = [
  { name: "first", port: 80, targetPort: "named" },
  { name: "second", port: 81, targetPort: 3001 },
];

/** Two pods whose port `named` differs. */
async function startPods(t: ConformanceContext): Promise<readonly string[]> {
  const ips = [3000, 3002].map(async (containerPort, i) => {
    const pod = newPod(t, `pod-${i}`, { labels: LABELS });
    const containers = [{ ...CONTAINER, ports: [{ name: "named", containerPort }] }];
    await t.client.create(Pods, { ...pod, spec: { ...pod.spec, containers } }, t.signal);
    const ready = await t.waitFor(Pods, pod.metadata, (now) => now !== undefined && isPodReady(now));
    return ready.status!.podIP!;
  });
  return Promise.all(ips);
}

function wantedOf([a, b]: readonly string[]): readonly string[] {
  return [`first=${a}:3000`, `first=${b}:3002`, `second=${a}:3001`, `second=${b}:3001`].toSorted();
}

async function endpointsOf(t: ConformanceContext, name: string, wanted: readonly string[]): Promise<void> {
  await t.waitFor(Endpoints, { namespace: t.namespace, name }, (endpoints) => {
    const all = (endpoints?.subsets ?? []).flatMap(({ addresses = [], ports = [] }) =>
      addresses.flatMap(({ ip }) => ports.map((port) => `${port.name}=${ip}:${port.port}`)),
    );
    return endpoints !== undefined && all.toSorted().join() === wanted.join();
  });
}

async function matchingPods(t: ConformanceContext, withSlices: boolean): Promise<void> {
  await t.client.create(Services, newService(t, "web", { selector: LABELS, ports: PORTS }), t.signal);
  const wanted = wantedOf(await startPods(t));
  await endpointsOf(t, "web", wanted);
  if (!withSlices) return;
  const slices = await untilSlices(t, wanted.join(), "web", (all) => readyOf(all).join() === wanted.join());
  for (const { metadata, addressType, endpoints } of slices) {
    assert.equal(addressType, "IPv4");
    assert.equal(metadata.ownerReferences?.[0]?.kind, "Service");
    for (const { targetRef, nodeName } of endpoints ?? []) {
      assert.equal(targetRef?.kind, "Pod");
      assert.ok(nodeName, "an endpoint tells its node");
    }
  }
}

async function matchingNothing(t: ConformanceContext, withSlices: boolean): Promise<void> {
  const ref = { namespace: t.namespace, name: "empty" };
  const service = newService(t, "empty", { selector: { app: "nobody" }, ports: [{ port: 80 }] });
  await t.client.create(Services, service, t.signal);
  await endpointsOf(t, "empty", []);
  if (withSlices) {
    const [slice] = await untilSlices(t, "one empty slice", "empty", (all) => all.length === 1);
    assert.deepEqual(slice?.endpoints ?? [], []);
  }
  await t.client.delete(Services, ref, t.signal);
  await t.waitGone(Endpoints, ref);
  if (withSlices) await untilSlices(t, "no slice is left", "empty", (all) => all.length === 0);
}

const CONTROLLER = "[sig-network] EndpointsController should";
const SLICE = "[sig-network] EndpointSlice should";
conformance(`${CONTROLLER} create Endpoints for Pods matching a Service`, { containers: true }, (t) =>
  matchingPods(t, false),
);
conformance(
  `${CONTROLLER} create and delete Endpoints for a Service with a selector that matches no pods`,
  { containers: true },
  (t) => matchingNothing(t, false),
);
conformance(
  `${SLICE} create Endpoints and EndpointSlices for Pods matching a Service`,
  { containers: true },
  (t) => matchingPods(t, true),
);
conformance(
  `${SLICE} create and delete EndpointSlices for a Service with a selector that matches no pods`,
  { containers: true },
  (t) => matchingNothing(t, true),
);

conformance(`${SLICE} support creating EndpointSlice API operations`, { containers: true }, async (t) => {
  const body = {
    addressType: "IPv4",
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
    endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: true } }],
  };
  await checkOperations(t, { kind: EndpointSlices, body });
});

conformance(
  "[sig-network] EndpointSliceMirroring should mirror a custom Endpoints resource through create update and delete",
  { containers: true },
  async (t) => {
    const metadata = { name: "custom", namespace: t.namespace };
    await t.client.create(Services, newService(t, "custom", { ports: [{ port: 80 }] }), t.signal);
    const mirrored = (...wanted: readonly string[]): Promise<unknown> =>
      untilSlices(t, `mirrored ${wanted.join()}`, "custom", (all) => readyOf(all).join() === wanted.join());
    const subsets = [{ addresses: [{ ip: "10.1.2.3" }], ports: [{ port: 80, name: "http" }] }];
    const object = { apiVersion: "v1" as const, kind: "Endpoints" as const, metadata, subsets };
    const created = await t.client.create(Endpoints, object, t.signal);
    await mirrored("http=10.1.2.3:80");
    const next = [{ addresses: [{ ip: "10.2.3.4" }], ports: [{ port: 81, name: "http" }] }];
    await t.client.update(Endpoints, { ...created, subsets: next }, t.signal);
    await mirrored("http=10.2.3.4:81");
    await t.client.delete(Endpoints, metadata, t.signal);
    await untilSlices(t, "no slice is left", "custom", (all) => all.length === 0);
  },
);

conformance(
  "[sig-network] Endpoints should test the lifecycle of an Endpoint",
  { containers: true },
  async (t) => {
    const { client, signal, namespace, unique } = t;
    const metadata = { name: "by-hand", namespace, labels: { "made-by": unique } };
    const mine = { labelSelector: `made-by=${unique}` };
    const { resourceVersion } = (await client.list(Endpoints, mine, signal)).metadata;
    const watch = t.watch(Endpoints, { ...mine, resourceVersion: resourceVersion! });
    const told = async (type: string): Promise<void> => assert.equal((await watch.next()).type, type);
    const subsets = [
      { addresses: [{ ip: "10.0.0.24" }], ports: [{ name: "http", port: 80, protocol: "TCP" }] },
    ];
    const made = await client.create(
      Endpoints,
      { apiVersion: "v1", kind: "Endpoints", metadata, subsets },
      signal,
    );
    await told("ADDED");
    // found from all namespaces
    const found = await client.list(Endpoints, mine, signal);
    assert.deepEqual(
      found.items.map((one) => one.metadata.name),
      ["by-hand"],
    );
    const updated = await client.update(
      Endpoints,
      { ...made, metadata: { ...made.metadata, labels: { ...metadata.labels, step: "updated" } } },
      signal,
    );
    assert.equal(updated.metadata.labels?.["step"], "updated");
    await told("MODIFIED");
    const body = {
      metadata: { labels: { step: "patched" } },
      subsets: [
        { addresses: [{ ip: "10.0.0.25" }], ports: [{ name: "http-test", port: 8080, protocol: "TCP" }] },
      ],
    };
    const patched = await client.patch(Endpoints, metadata, { type: "strategic", body }, signal);
    assert.equal(patched.metadata.labels?.["step"], "patched");
    assert.deepEqual(patched.subsets, body.subsets);
    await told("MODIFIED");
    await client.deleteCollection(Endpoints, { ...mine, namespace }, signal);
    await told("DELETED");
    await assert.rejects(client.get(Endpoints, metadata, signal), isNotFound);
  },
);
