import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { newNode, newPod, newService, START } from "../testing/objects.ts";
import type { Observed, Plan } from "./plan.ts";
import { plan } from "./plan.ts";

const zoned = newNode("n", "True", {
  metadata: { name: "n", labels: { "topology.kubernetes.io/zone": "z" } },
});

function run(service: Service, observed: Partial<Observed>): Plan {
  return plan(service, { pods: [], nodeOf: () => zoned, slices: [], endpointsMax: 3, ...observed });
}

/** The slices as the API server would store them. */
function stored({ create }: Plan): readonly EndpointSlice[] {
  return create.map((slice, i) => {
    const { generateName, ...metadata } = slice.metadata;
    return {
      ...slice,
      metadata: { ...metadata, name: `${generateName}${i}`, uid: `s${i}`, resourceVersion: "1" },
    };
  });
}

function sizes(slices: readonly EndpointSlice[]): readonly number[] {
  return slices.map(({ endpoints = [] }) => endpoints.length);
}

const pods = (from: number, to: number): ReturnType<typeof newPod>[] =>
  Array.from({ length: to - from }, (_, i) =>
    newPod(`p${from + i}`, { ip: `10.1.0.${from + i}`, node: "n" }),
  );

test("plan() describes a ready pod completely", () => {
  const { create } = run(newService("web"), { pods: [newPod("a", { ip: "10.1.0.1", node: "n" })] });
  assert.equal(create.length, 1);
  const { metadata, addressType, ports, endpoints } = create[0]!;
  assert.equal(metadata.generateName, "web-");
  assert.deepEqual(metadata.labels, {
    "kubernetes.io/service-name": "web",
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
  });
  assert.equal(metadata.ownerReferences?.[0]?.uid, "uid-web");
  assert.equal(addressType, "IPv4");
  assert.deepEqual(ports, [{ name: "", port: 8080, protocol: "TCP" }]);
  assert.deepEqual(endpoints, [
    {
      addresses: ["10.1.0.1"],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: "Pod", namespace: "default", name: "a", uid: "uid-a" },
      nodeName: "n",
      zone: "z",
    },
  ]);
});

const conditions = [
  { name: "not ready", pod: newPod("a", { ip: "1.1.1.1", ready: false }), want: "false/false/false" },
  {
    name: "terminating",
    pod: newPod("a", { ip: "1.1.1.1", metadata: { deletionTimestamp: START } }),
    want: "false/true/true",
  },
  {
    name: "published",
    pod: newPod("a", { ip: "1.1.1.1", ready: false }),
    spec: { publishNotReadyAddresses: true },
    want: "true/false/false",
  },
  { name: "finished", pod: newPod("a", { ip: "1.1.1.1", phase: "Succeeded" }), want: undefined },
  { name: "without address", pod: newPod("a"), want: undefined },
];

for (const { name, pod, spec = {}, want } of conditions) {
  test(`plan() gives a pod that is ${name} the conditions ${want}`, () => {
    const endpoint = run(newService("web", spec), { pods: [pod] }).create[0]?.endpoints?.[0]?.conditions;
    assert.equal(endpoint && [endpoint.ready, endpoint.serving, endpoint.terminating].join("/"), want);
  });
}

const container = (containerPort: number): NonNullable<ReturnType<typeof newPod>["spec"]> => ({
  containers: [{ name: "c", ports: [{ name: "http", containerPort }] }],
});

test("plan() splits by named ports, and leaves out ports that a pod lacks", () => {
  const service = newService("web", { ports: [{ name: "http", port: 80, targetPort: "http" }] });
  const { create } = run(service, {
    pods: [
      newPod("a", { ip: "10.1.0.1", spec: container(8080) }),
      newPod("b", { ip: "10.1.0.2", spec: container(9090) }),
      newPod("c", { ip: "10.1.0.3" }),
    ],
  });
  assert.deepEqual(
    create.map(({ ports = [] }) => ports.map(({ port }) => port).join()),
    ["8080", "9090", ""],
  );
});

test("plan() keeps one empty slice per address family for a service without pods", () => {
  const service = newService("web", { ipFamilies: ["IPv4", "IPv6"] });
  const first = run(service, {});
  assert.deepEqual(
    first.create.map(({ addressType }) => addressType),
    ["IPv4", "IPv6"],
  );
  const again = run(service, { slices: stored(first) });
  assert.deepEqual([again.create, again.update, again.remove], [[], [], []]);
});

test("plan() changes nothing when nothing changed, and one slice when one pod did", () => {
  const service = newService("web");
  const slices = stored(run(service, { pods: pods(0, 7) }));
  assert.deepEqual(sizes(slices), [3, 3, 1]);
  const same = run(service, { pods: pods(0, 7), slices });
  assert.deepEqual([same.create, same.update, same.remove], [[], [], []]);
  const one = run(service, {
    pods: [...pods(0, 6), newPod("p6", { ip: "10.1.0.6", node: "n", ready: false })],
    slices,
  });
  assert.deepEqual(
    one.update.map(({ metadata }) => metadata.name),
    ["web-2"],
  );
  assert.deepEqual([one.create, one.remove], [[], []]);
});

test("plan() fills slices that change anyway, then one with room, then makes new ones", () => {
  const service = newService("web");
  const slices = stored(run(service, { pods: pods(0, 7) }));
  const swapped = run(service, { pods: [...pods(1, 7), ...pods(10, 11)], slices });
  assert.deepEqual([sizes(swapped.update), swapped.create.length], [[3], 0]);
  const added = run(service, { pods: pods(0, 9), slices });
  assert.deepEqual(
    added.update.map(({ metadata }) => metadata.name),
    ["web-2"],
  );
  assert.deepEqual([sizes(added.update), added.create.length], [[3], 0]);
  const many = run(service, { pods: pods(0, 12), slices });
  assert.deepEqual([sizes(many.update), sizes(many.create)], [[3], [3]]);
});

test("plan() turns a slice that goes and one that comes into one update", () => {
  const slices = stored(run(newService("web"), { pods: pods(0, 1) }));
  const moved = run(newService("web", { ports: [{ port: 80, targetPort: 9090 }] }), {
    pods: pods(0, 1),
    slices,
  });
  assert.deepEqual([moved.create, moved.remove], [[], []]);
  assert.deepEqual(
    moved.update.map(({ metadata, ports }) => [metadata.name, ports?.[0]?.port]),
    [["web-0", 9090]],
  );
  const emptied = run(newService("web"), { slices });
  assert.deepEqual(
    emptied.update.map(({ metadata, endpoints }) => [metadata.name, endpoints]),
    [["web-0", []]],
  );
});

const unknownNode = (): undefined => undefined;

test("plan() waits for the node of a pod unless it publishes everything", () => {
  assert.equal(run(newService("web"), { pods: pods(0, 1), nodeOf: unknownNode }).withoutNode.length, 1);
  const all = run(newService("web", { publishNotReadyAddresses: true }), {
    pods: pods(0, 1),
    nodeOf: unknownNode,
  });
  assert.deepEqual([all.withoutNode.length, sizes(all.create)], [0, [1]]);
});

test("plan() marks headless services, and names pods of a subdomain", () => {
  const pod = newPod("a", { ip: "10.1.0.1", spec: { hostname: "h", subdomain: "web" } });
  const { create } = run(newService("web", { clusterIP: "None" }), { pods: [pod] });
  assert.equal(create[0]?.metadata.labels?.["service.kubernetes.io/headless"], "");
  assert.equal(create[0]?.endpoints?.[0]?.hostname, "h");
});

const hints = (trafficDistribution: string): unknown =>
  run(newService("web", { trafficDistribution }), { pods: pods(0, 1) }).create[0]?.endpoints?.[0]?.hints;

test("plan() hints at zones and nodes when traffic is to stay close", () => {
  assert.deepEqual(hints("PreferSameZone"), { forZones: [{ name: "z" }] });
  assert.deepEqual(hints("PreferSameNode"), { forZones: [{ name: "z" }], forNodes: [{ name: "n" }] });
});

test("plan() takes no slice over from a service of the same name that is gone", () => {
  const old = stored(run(newService("web"), { pods: pods(0, 2) }));
  const service = newService("web");
  const again = { ...service, metadata: { ...service.metadata, uid: "uid-of-another" } };
  const { create, update, remove } = run(again, { pods: pods(0, 2), slices: old });
  assert.deepEqual([sizes(create), update.length, remove], [[2], 0, old]);
});
