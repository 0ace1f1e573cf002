import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { plan, type ServicePlan } from "./plan.ts";

const options = { nodeName: "n1", clusterCIDR: "10.244.0.0/16" };

/** `endpoints` are "ip@node" with "!" appended for not ready, "~" for terminating; `want` lists element -> verdict kinds. */
const cases: readonly {
  readonly name: string;
  readonly spec?: Partial<ServiceSpec>;
  readonly endpoints: readonly string[];
  readonly want: readonly string[];
}[] = [
  {
    name: "sends a cluster address to its endpoints",
    endpoints: ["10.244.0.5@n1", "10.244.1.5@n2"],
    want: ["service-ips 10.96.0.9 . tcp . 80: cip -> 10.244.0.5 10.244.1.5"],
  },
  {
    name: "refuses a service nobody serves",
    endpoints: ["10.244.0.5@n1!"],
    want: ["no-endpoint-services 10.96.0.9 . tcp . 80: reject-chain"],
  },
  {
    name: "falls back to terminating endpoints when no ready one is left",
    endpoints: ["10.244.0.5@n1~"],
    want: ["service-ips 10.96.0.9 . tcp . 80: cip -> 10.244.0.5"],
  },
  {
    name: "serves not-ready endpoints that are to be published",
    spec: { publishNotReadyAddresses: true },
    endpoints: ["10.244.0.5@n1!"],
    want: ["service-ips 10.96.0.9 . tcp . 80: cip -> 10.244.0.5"],
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
      "service-ips 10.96.0.9 . tcp . 80: cip -> 10.244.1.5",
      "service-nodeports tcp . 30080: ext -> 10.244.1.5",
    ],
  },
  {
    name: "drops at the node port for externalTrafficPolicy Local without local endpoints",
    spec: { type: "NodePort", externalTrafficPolicy: "Local", ports: [{ port: 80, nodePort: 30080 }] },
    endpoints: ["10.244.1.5@n2"],
    want: ["service-ips 10.96.0.9 . tcp . 80: cip -> 10.244.1.5", "no-endpoint-nodeports tcp . 30080: drop"],
  },
  {
    name: "needs nothing for a headless service",
    spec: { clusterIP: "None" },
    endpoints: ["10.244.0.5@n1"],
    want: [],
  },
  { name: "needs nothing for ExternalName", spec: { type: "ExternalName" }, endpoints: [], want: [] },
];

for (const { name, spec, endpoints, want } of cases) {
  test(`plan() ${name}`, () => {
    assert.deepEqual(describe(plan(service(spec), [slice(endpoints)], options)), want);
  });
}

test("plan() remembers clients per endpoint for session affinity", () => {
  const affine = service({
    sessionAffinity: "ClientIP",
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
  });
  const result = plan(affine, [slice(["10.244.0.5@n1", "10.244.1.5@n2"])], options);
  assert.deepEqual([...result.affinitySets.values()], [60, 60]);
  const chain = [...result.chains].find(([name]) => name.startsWith("svc-"))![1];
  assert.equal(chain.filter((rule) => rule.startsWith("ip saddr @aff-")).length, 2);
});

test("plan() masquerades only a local endpoint that talks to itself", () => {
  const result = plan(service(), [slice(["10.244.0.5@n1", "10.244.1.5@n2"])], options);
  assert.deepEqual([...result.hairpins], ["10.244.0.5"]);
});

/** Elements with the first chain's kind and the endpoint addresses that can be reached from it. */
function describe(result: ServicePlan): readonly string[] {
  return [...result.elements].flatMap(([map, elements]) =>
    [...elements].map(([key, verdict]) => {
      const chain = verdict.replace("goto ", "");
      const endpoints = reachable(result, chain);
      const kind = endpoints.length > 0 ? chain.split("-")[0] : chain;
      return `${map} ${key}: ${kind}${endpoints.length > 0 ? ` -> ${endpoints.join(" ")}` : ""}`;
    }),
  );
}

function reachable(result: ServicePlan, chain: string): readonly string[] {
  const rules = result.chains.get(chain) ?? [];
  return rules.flatMap((rule) => {
    const next = /^goto (\S+)$/.exec(rule)?.[1];
    if (next !== undefined) return reachable(result, next);
    return [...rule.matchAll(/(10\.244\.\d+\.\d+)(?::| \. )\d+/g)].map((match) => match[1]!);
  });
}

function service(spec: Partial<ServiceSpec> = {}): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: { type: "ClusterIP", clusterIP: "10.96.0.9", ports: [{ port: 80 }], ...spec },
  };
}

function slice(endpoints: readonly string[]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "default" },
    addressType: "IPv4",
    ports: [{ port: 8080 }],
    endpoints: endpoints.map((text) => {
      const [, ip, nodeName, flag] = /^(.+)@(\w+?)([!~]?)$/.exec(text)!;
      const ready = flag === "";
      return {
        addresses: [ip!],
        nodeName: nodeName!,
        conditions: { ready, serving: flag !== "!", terminating: flag === "~" },
      };
    }),
  };
}
