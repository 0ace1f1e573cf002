import assert from "node:assert/strict";
import { test } from "node:test";
import type { LoadBalancerIngress, Service, ServiceSpec } from "#api/core/v1/types.gen";
import type { EndpointConditions, EndpointSlice } from "#api/discovery/v1/types.gen";
import { plan, type Frontend, type PortPlan, type ServicePlan } from "./plan.ts";

const options = { family: "IPv4", nodeName: "n1", zone: "z1", nodeIPs: ["192.168.49.2", "fd00::2"] } as const;

/**
 * `endpoints` are "ip@node" with "!" appended for not ready, "~" for terminating, "?" for ready no longer and not terminating, and
 * hints "+z1" for a zone or "+n1" for a node; `want` lists element -> kinds of routes.
 */
const cases: readonly {
  readonly name: string;
  readonly spec?: Partial<ServiceSpec>;
  readonly ingress?: readonly LoadBalancerIngress[];
  readonly endpoints: readonly string[];
  readonly want: readonly string[];
}[] = [
  {
    name: "sends a cluster address to its endpoints",
    endpoints: ["10.244.0.5@n1", "10.244.1.5@n2"],
    want: ["service-ips 10.96.0.9 . tcp . 80: internal -> 10.244.0.5 10.244.1.5"],
  },
  {
    name: "refuses a service nobody serves",
    endpoints: ["10.244.0.5@n1!"],
    want: ["no-endpoint-services 10.96.0.9 . tcp . 80: reject-chain"],
  },
  {
    name: "falls back to terminating endpoints when no ready one is left",
    endpoints: ["10.244.0.5@n1~"],
    want: ["service-ips 10.96.0.9 . tcp . 80: internal -> 10.244.0.5"],
  },
  {
    name: "does not fall back to endpoints that are neither ready nor terminating",
    endpoints: ["10.244.0.5@n1?"],
    want: ["no-endpoint-services 10.96.0.9 . tcp . 80: reject-chain"],
  },
  {
    name: "stays in the zone when every endpoint has a hint",
    endpoints: ["10.244.0.5@n2+z1", "10.244.1.5@n3+z2"],
    want: ["service-ips 10.96.0.9 . tcp . 80: internal -> 10.244.0.5"],
  },
  {
    name: "leaves the zone when an endpoint has no hint",
    endpoints: ["10.244.0.5@n2+z1", "10.244.1.5@n3"],
    want: ["service-ips 10.96.0.9 . tcp . 80: internal -> 10.244.0.5 10.244.1.5"],
  },
  {
    name: "leaves the zone when no endpoint is for it",
    endpoints: ["10.244.0.5@n2+z2", "10.244.1.5@n3+z3"],
    want: ["service-ips 10.96.0.9 . tcp . 80: internal -> 10.244.0.5 10.244.1.5"],
  },
  {
    name: "stays on the node before it stays in the zone",
    endpoints: ["10.244.0.5@n1+z1+n1", "10.244.1.5@n2+z1+n2"],
    want: ["service-ips 10.96.0.9 . tcp . 80: internal -> 10.244.0.5"],
  },
  {
    name: "stays in the zone when no endpoint is for the node",
    endpoints: ["10.244.0.5@n2+z1+n2", "10.244.1.5@n3+z2+n3"],
    want: ["service-ips 10.96.0.9 . tcp . 80: internal -> 10.244.0.5"],
  },
  {
    name: "forgets hints when only terminating endpoints are left",
    endpoints: ["10.244.0.5@n2~+z2", "10.244.1.5@n3~+z1"],
    want: ["service-ips 10.96.0.9 . tcp . 80: internal -> 10.244.0.5 10.244.1.5"],
  },
  {
    name: "serves SCTP as it serves TCP",
    spec: { ports: [{ port: 80, protocol: "SCTP" }] },
    endpoints: ["10.244.0.5@n1"],
    want: ["service-ips 10.96.0.9 . sctp . 80: internal -> 10.244.0.5"],
  },
  {
    name: "serves external addresses and those of load balancers, but not of ones that are proxies",
    spec: { type: "LoadBalancer", externalIPs: ["198.51.100.1"] },
    ingress: [
      { ip: "203.0.113.1" },
      { ip: "203.0.113.2", ipMode: "VIP" },
      { ip: "203.0.113.3", ipMode: "Proxy" },
    ],
    endpoints: ["10.244.1.5@n2"],
    want: ["10.96.0.9", "198.51.100.1", "203.0.113.1", "203.0.113.2"].map(
      (ip) => `service-ips ${ip} . tcp . 80: ${ip === "10.96.0.9" ? "internal" : "external"} -> 10.244.1.5`,
    ),
  },
  {
    name: "leaves it to slices whether one that is not ready is to be published",
    spec: { publishNotReadyAddresses: true },
    endpoints: ["10.244.0.5@n1!"],
    want: ["no-endpoint-services 10.96.0.9 . tcp . 80: reject-chain"],
  },
  {
    name: "drops for internalTrafficPolicy Local when only other nodes serve",
    spec: { internalTrafficPolicy: "Local" },
    endpoints: ["10.244.1.5@n2"],
    want: ["no-endpoint-services 10.96.0.9 . tcp . 80: drop"],
  },
  {
    name: "opens a node port",
    spec: { type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] },
    endpoints: ["10.244.1.5@n2"],
    want: [
      "service-ips 10.96.0.9 . tcp . 80: internal -> 10.244.1.5",
      "service-nodeports tcp . 30080: external -> 10.244.1.5",
    ],
  },
  {
    name: "drops what comes from outside for externalTrafficPolicy Local without local endpoints",
    spec: { type: "NodePort", externalTrafficPolicy: "Local", ports: [{ port: 80, nodePort: 30080 }] },
    endpoints: ["10.244.1.5@n2"],
    want: [
      "service-ips 10.96.0.9 . tcp . 80: internal -> 10.244.1.5",
      "service-nodeports tcp . 30080: external-local -> 10.244.1.5",
      "no-endpoint-nodeports tcp . 30080: drop",
    ],
  },
  {
    name: "needs nothing for a headless service",
    spec: { clusterIP: "None" },
    endpoints: ["10.244.0.5@n1"],
    want: [],
  },
  { name: "needs nothing for ExternalName", spec: { type: "ExternalName" }, endpoints: [], want: [] },
];

for (const { name, spec, ingress = [], endpoints, want } of cases) {
  test(`plan() ${name}`, () => {
    const balanced = { ...service(spec), status: { loadBalancer: { ingress } } };
    assert.deepEqual(describe(plan(balanced, [slice(endpoints)], options)), want);
  });
}

test("plan() takes an endpoint of which slices say nothing for one that is ready and serves", () => {
  assert.equal(poolOf().length, 1);
  assert.equal(poolOf({ ready: false }).length, 0);
  assert.equal(poolOf({ ready: false, terminating: true }).length, 1);
  assert.equal(poolOf({ ready: false, serving: false, terminating: true }).length, 0);
});

test("plan() believes a running pod that has the address of one that is about to go", () => {
  const [before, after] = [slice(["10.244.0.5@n1~"]), slice(["10.244.0.5@n2"])];
  const next = slice(["10.244.0.6@n1"]);
  for (const slices of [
    [before, after, next],
    [after, before, next],
  ]) {
    const [port] = plan(service(), slices, options).ports;
    assert.deepEqual([...port!.pools.cluster], ["10.244.0.5 . 8080", "10.244.0.6 . 8080"]);
  }
});

function poolOf(conditions: EndpointConditions = {}): readonly string[] {
  const [endpoint] = slice(["10.244.0.5@n1"]).endpoints!;
  const slices = [{ ...slice([]), endpoints: [{ ...endpoint!, conditions }] }];
  return [...plan(service(), slices, options).ports[0]!.pools.cluster];
}

function portOf(spec: Partial<ServiceSpec>, endpoints: readonly string[] = ["10.244.1.5@n2"]): PortPlan {
  return plan(service(spec), [slice(endpoints)], options).ports[0]!;
}

test("plan() says how long clients are remembered", () => {
  const sessionAffinityConfig = { clientIP: { timeoutSeconds: 60 } };
  assert.equal(portOf({ sessionAffinity: "ClientIP", sessionAffinityConfig }).affinitySeconds, 60);
  assert.equal(portOf({ sessionAffinity: "ClientIP" }).affinitySeconds, 10_800);
  assert.equal(portOf({ sessionAffinity: "None", sessionAffinityConfig }).affinitySeconds, undefined);
});

test("plan() masquerades only a local endpoint that talks to itself", () => {
  const result = plan(service(), [slice(["10.244.0.5@n1", "10.244.1.5@n2"])], options);
  assert.deepEqual([...result.hairpins], ["10.244.0.5"]);
});

function balancedFor(ranges: readonly string[]): Service {
  const ports = [{ port: 80, nodePort: 30_080 }];
  const loadBalancer = { ingress: [{ ip: "203.0.113.1" }] };
  return {
    ...service({ type: "LoadBalancer", loadBalancerSourceRanges: ranges, ports }),
    status: { loadBalancer },
  };
}

function guard(ranges: readonly string[]): readonly string[] | undefined {
  const result = plan(balancedFor(ranges), [slice(["10.244.1.5@n2"])], options);
  return frontendsOf(result).find(({ key }) => key === "203.0.113.1 . tcp . 80")?.sources;
}

test("plan() lets into a load balancer's address whom its ranges name, and this node with the address itself", () => {
  assert.deepEqual(guard(["198.51.100.0/24"]), ["198.51.100.0/24"]);
  assert.deepEqual(guard([" 192.168.0.0/16 ", "2001:db8::/32"]), ["192.168.0.0/16", "203.0.113.1"]);
  assert.equal(guard(["0.0.0.0/0"]), undefined);
  assert.equal(guard([]), undefined);
});

test("plan() counts local ready endpoints for load balancers that ask", () => {
  const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 31_000 };
  const ports = [
    { name: "a", port: 80 },
    { name: "b", port: 81 },
  ];
  const slices = [slice(["10.244.0.5@n1", "10.244.0.6@n1~", "10.244.1.5@n2"])].map((one) => ({
    ...one,
    ports: ports.map(({ name }) => ({ name, port: 8080 })),
  }));
  assert.deepEqual(plan(service({ ...spec, ports }), slices, options).healthCheck, {
    port: 31_000,
    localEndpoints: 1,
  });
  const everywhere = service({ ...spec, ports, externalTrafficPolicy: "Cluster" });
  assert.equal(plan(everywhere, slices, options).healthCheck, undefined);
});

test("plan() lets UDP flows go on to every endpoint that serves, wherever it is", () => {
  const spec = {
    type: "NodePort",
    internalTrafficPolicy: "Local",
    externalIPs: ["198.51.100.1"],
    ports: [{ port: 53, protocol: "UDP", nodePort: 30_053 }],
  };
  const { flows } = plan(service(spec), [slice(["10.244.0.5@n1", "10.244.1.5@n2~"], "UDP")], options);
  const endpoints = new Set(["10.244.0.5:8080", "10.244.1.5:8080"]);
  assert.deepEqual(
    flows,
    new Map([
      ["10.96.0.9:53", endpoints],
      ["198.51.100.1:53", endpoints],
      ["*:30053", endpoints],
    ]),
  );
  assert.equal(plan(service(spec), [slice([], "UDP")], options).flows.size, 0);
});

function frontendsOf({ ports }: ServicePlan): readonly Frontend[] {
  return ports.flatMap(({ frontends }) => frontends);
}

/** Maps, keys and kinds of routes with the endpoint addresses that can be reached by them. */
function describe({ ports }: ServicePlan): readonly string[] {
  return ports.flatMap((port) => port.frontends.flatMap((frontend) => lines(port, frontend)));
}

function lines({ pools }: PortPlan, { scope, key, route, refusal }: Frontend): readonly string[] {
  const map = scope === "services" ? "service-ips" : "service-nodeports";
  const reached = [...pools[route?.type === "internal" ? route.pool : "cluster"]];
  const ips = reached.map((target) => target.split(" . ")[0]!).toSorted((a, b) => a.localeCompare(b));
  return [
    ...(route === undefined ? [] : [`${map} ${key}: ${route.type} -> ${ips.join(" ")}`]),
    ...(refusal === undefined ? [] : [`no-endpoint-${scope} ${key}: ${refusal.replace("goto ", "")}`]),
  ];
}

test("plan() gives a service of both families in each what is of it", () => {
  const spec = {
    clusterIP: "10.96.0.9",
    clusterIPs: ["10.96.0.9", "fd00:96::9"],
    externalIPs: ["198.51.100.1", "2001:DB8:0::1"],
    loadBalancerSourceRanges: ["2001:db8:1::/48", "fd00::/64"],
    type: "LoadBalancer",
    ports: [{ port: 80, nodePort: 30_080 }],
  };
  const dual = {
    ...service(spec),
    status: { loadBalancer: { ingress: [{ ip: "203.0.113.1" }, { ip: "2001:db8:5::1" }] } },
  };
  const six = slice([]);
  const endpoints = [{ addresses: ["FD00:244:0::5"], nodeName: "n1", conditions: { ready: true } }];
  const slices = [slice(["10.244.0.5@n1"]), { ...six, addressType: "IPv6", endpoints }];
  const result = plan(dual, slices, { ...options, family: "IPv6" });
  assert.deepEqual(describe(result), [
    "service-ips fd00:96::9 . tcp . 80: internal -> fd00:244::5",
    "service-ips 2001:db8::1 . tcp . 80: external -> fd00:244::5",
    "service-ips 2001:db8:5::1 . tcp . 80: external -> fd00:244::5",
    "service-nodeports tcp . 30080: external -> fd00:244::5",
  ]);
  assert.deepEqual(
    frontendsOf(result).map(({ sources }) => sources),
    [undefined, undefined, ["2001:db8:1::/48", "fd00::/64", "2001:db8:5::1"], undefined],
  );
  assert.deepEqual(
    frontendsOf(plan(dual, slices, options)).map(({ key }) => key),
    ["10.96.0.9 . tcp . 80", "198.51.100.1 . tcp . 80", "203.0.113.1 . tcp . 80", "tcp . 30080"],
  );
  assert.equal(plan(service(), slices, { ...options, family: "IPv6" }).ports.length, 0);
});

test("plan() leaves alone a service that another proxy is to serve", () => {
  const { metadata, ...rest } = service();
  const labels = { "service.kubernetes.io/service-proxy-name": "mine" };
  const other = { ...rest, metadata: { ...metadata, labels } };
  assert.equal(plan(other, [slice(["10.244.0.5@n1"])], options).ports.length, 0);
});

test("plan() leaves slices of headless services to DNS", () => {
  const [served, headless] = [slice(["10.244.0.5@n1"]), slice(["10.244.0.6@n1"])];
  const labels = { "service.kubernetes.io/headless": "" };
  const slices = [served, { ...headless, metadata: { ...headless.metadata, labels } }];
  assert.deepEqual([...plan(service(), slices, options).ports[0]!.pools.cluster], ["10.244.0.5 . 8080"]);
});

test("plan() tells which traffic policies found nobody on this node", () => {
  const ports = [{ port: 80, nodePort: 30_080 }];
  assert.deepEqual(portOf({ internalTrafficPolicy: "Local" }).withoutLocal, ["internal"]);
  assert.deepEqual(portOf({ type: "NodePort", externalTrafficPolicy: "Local", ports }).withoutLocal, [
    "external",
  ]);
  assert.deepEqual(portOf({ internalTrafficPolicy: "Local" }, []).withoutLocal, []);
  assert.deepEqual(portOf({}).withoutLocal, []);
});

function service(spec: Partial<ServiceSpec> = {}): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: { type: "ClusterIP", clusterIP: "10.96.0.9", ports: [{ port: 80 }], ...spec },
  };
}

function slice(endpoints: readonly string[], protocol?: string): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "default" },
    addressType: "IPv4",
    ports: ["TCP", "UDP", "SCTP"]
      .filter((one) => protocol === undefined || protocol === one)
      .map((one) => ({ port: 8080, protocol: one })),
    endpoints: endpoints.map((text) => {
      const [, ip, nodeName, flag, hints = ""] = /^(.+)@(\w+?)([!~?]?)((?:\+\w+)*)$/.exec(text)!;
      const names = hints.split("+").slice(1);
      const named = (letter: string): readonly { readonly name: string }[] =>
        names.filter((name) => name.startsWith(letter)).map((name) => ({ name }));
      return {
        addresses: [ip!],
        nodeName: nodeName!,
        conditions: { ready: flag === "", serving: flag !== "!", terminating: flag === "~" },
        hints: { forZones: named("z"), forNodes: named("n") },
      };
    }),
  };
}
