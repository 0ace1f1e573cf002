import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { LOCAL, withAvailability } from "./api-service.ts";
import { accessError, planAvailability, PASSED, type ServiceFacts } from "./plan-availability.ts";

const target = { namespace: "ns", name: "api", port: 443 };

function service(spec: object): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "api" }, spec };
}

function slice(
  endpoints: readonly object[],
  ports: readonly object[] = [{ name: "https", port: 8443 }],
): EndpointSlice {
  return { metadata: { name: "api-1" }, addressType: "IPv4", endpoints, ports } as unknown as EndpointSlice;
}

const clusterIp = service({ type: "ClusterIP", ports: [{ name: "https", port: 443 }] });
const ready = { addresses: ["10.0.0.1"], conditions: { ready: true } };
const notReady = { addresses: ["10.0.0.1"], conditions: { ready: false } };

test("planAvailability says what is missing, as upstream words it", () => {
  const table: readonly (readonly [facts: ServiceFacts, reason: string | undefined, message?: string])[] = [
    [{ service: undefined, slices: [] }, "ServiceNotFound", 'service/api in "ns" is not present'],
    [
      { service: service({ ports: [{ port: 80 }] }), slices: [] },
      "ServicePortError",
      'service/api in "ns" is not listening on port 443',
    ],
    [
      { service: clusterIp, slices: [] },
      "EndpointsNotFound",
      'cannot find endpointslices for service/api in "ns"',
    ],
    [
      { service: clusterIp, slices: [slice([notReady])] },
      "MissingEndpoints",
      'endpointslices for service/api in "ns" have no addresses with port name "https"',
    ],
    [{ service: clusterIp, slices: [slice([ready], [{ name: "other", port: 1 }])] }, "MissingEndpoints"],
    [{ service: clusterIp, slices: [slice([notReady]), slice([ready])] }, undefined],
    [{ service: clusterIp, slices: [slice([{ addresses: ["10.0.0.1"] }])] }, undefined],
    [{ service: service({ type: "ExternalName" }), slices: [] }, undefined],
  ];
  for (const [facts, reason, message] of table) {
    const planned = planAvailability(target, facts);
    assert.equal(planned?.reason, reason);
    if (planned !== undefined) assert.equal(planned.status, "False");
    if (message !== undefined) assert.equal(planned?.message, message);
  }
});

test("accessError knows nothing", () => {
  assert.deepEqual(accessError("ServiceAccessError", target, "it broke"), {
    status: "Unknown",
    reason: "ServiceAccessError",
    message: 'service/api in "ns" cannot be checked due to: it broke',
  });
});

test("withAvailability keeps the time while the status stays", () => {
  const empty = {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: "v1.a" },
  } as const;
  const first = withAvailability(empty, PASSED, 1_000);
  assert.equal(withAvailability(first, PASSED, 5_000), first);
  const other = withAvailability(first, LOCAL, 5_000).status?.conditions?.[0];
  assert.deepEqual([other?.reason, other?.lastTransitionTime], ["Local", "1970-01-01T00:00:01Z"]);
  const down = withAvailability(first, { status: "False", reason: "X", message: "" }, 5_000);
  assert.equal(down.status?.conditions?.[0]?.lastTransitionTime, "1970-01-01T00:00:05Z");
});
