import assert from "node:assert/strict";
import { test } from "node:test";
import { scheme } from "../../scheme.ts";
import { serviceStrategy } from "./service-strategy.ts";
import { validateServiceUpdate } from "./service-update-validation.ts";
import { validateService } from "./service-validation.ts";
import type { Service, ServiceSpec } from "./types.gen.ts";

function serviceWith(spec: ServiceSpec): Service {
  return scheme.applyDefaults({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "s", namespace: "d" },
    spec,
  });
}

const http = { port: 80 };
const cases: readonly (readonly [what: string, spec: ServiceSpec, ...expected: string[]])[] = [
  ["a plain service", { ports: [http] }],
  ["no ports", {}, "spec.ports: Required value"],
  ["headless without ports", { clusterIP: "None", clusterIPs: ["None"] }],
  [
    "ports without names",
    { ports: [http, { port: 81 }] },
    "spec.ports[0].name: Required value",
    "spec.ports[1].name: Required value",
  ],
  [
    "a node port on a ClusterIP",
    { ports: [{ ...http, nodePort: 30_000 }] },
    "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
  ],
  [
    "an unknown type",
    { type: "Magic", ports: [http] },
    'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
  ],
  ["no external name", { type: "ExternalName" }, "spec.externalName: Required value"],
  [
    "a class without a load balancer",
    { ports: [http], loadBalancerClass: "example.com/x" },
    "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
  ],
  [
    "the wrong family",
    { ports: [http], clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"], ipFamilies: ["IPv6"] },
    'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
  ],
  [
    "a loopback address",
    { ports: [http], externalIPs: ["127.0.0.1"] },
    'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ],
];

for (const [what, spec, ...expected] of cases) {
  test(`validateService: ${what}`, () => {
    assert.deepEqual(
      validateService(serviceWith(spec)).map((c) => `${c.field}: ${c.message}`),
      expected,
    );
  });
}

const old = serviceWith({
  type: "NodePort",
  clusterIP: "10.0.0.1",
  clusterIPs: ["10.0.0.1"],
  ports: [{ ...http, nodePort: 30_001 }],
});

test("serviceStrategy.prepareForUpdate keeps what the allocators chose", () => {
  const { spec } = serviceStrategy.prepareForUpdate!(serviceWith({ type: "NodePort", ports: [http] }), old);
  assert.equal(spec?.clusterIP, "10.0.0.1");
  assert.deepEqual(spec.clusterIPs, ["10.0.0.1"]);
  assert.equal(spec.ports?.[0]?.nodePort, 30_001);
});

test("serviceStrategy.prepareForUpdate drops node ports with the type that needs them", () => {
  const changed = { ...old, spec: { ...old.spec, type: "ClusterIP" } };
  const { spec } = serviceStrategy.prepareForUpdate!(changed, old);
  assert.equal(spec?.ports?.[0]?.nodePort, undefined);
  assert.equal(spec?.externalTrafficPolicy, undefined);
});

test("validateServiceUpdate refuses another address", () => {
  const moved = { ...old, spec: { ...old.spec, clusterIP: "10.0.0.2", clusterIPs: ["10.0.0.2"] } };
  assert.deepEqual(
    validateServiceUpdate(moved, old).map((c) => `${c.field}: ${c.message}`),
    ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
  );
});
