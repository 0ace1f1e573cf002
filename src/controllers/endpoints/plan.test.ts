import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#api/core/v1/types.gen";
import { newPod, newService, START } from "../testing/objects.ts";
import { plan } from "./plan.ts";
import { ENDPOINTS_MAX, repackSubsets } from "./subsets.ts";

/** Subsets in short: ready | not ready : ports. */
function run(service: Service, ...pods: readonly ReturnType<typeof newPod>[]): readonly string[] | undefined {
  return plan(service, pods, undefined)?.subsets?.map(
    ({ addresses = [], notReadyAddresses = [], ports = [] }) => {
      const ips = [addresses, notReadyAddresses].map((list) => list.map(({ ip }) => ip).join());
      return `${ips.join("|")}:${ports.map(({ port }) => port).join()}`;
    },
  );
}

const a = newPod("a", { ip: "10.1.0.1" });
const b = newPod("b", { ip: "10.1.0.2", ready: false });
const going = newPod("c", { ip: "10.1.0.3", metadata: { deletionTimestamp: START } });
const two = [
  { name: "x", port: 80, targetPort: 8080 },
  { name: "y", port: 81, targetPort: 8081 },
];

const cases = [
  {
    name: "packs addresses with the same ports together",
    service: newService("web", { ports: two }),
    want: ["10.1.0.1|10.1.0.2:8080,8081"],
  },
  {
    name: "takes all as ready when they are published so",
    service: newService("web", { publishNotReadyAddresses: true }),
    want: ["10.1.0.1,10.1.0.2,10.1.0.3|:8080"],
  },
  {
    name: "needs no ports for a headless service",
    service: newService("web", { clusterIP: "None", ports: [] }),
    want: ["10.1.0.1|10.1.0.2:"],
  },
  {
    name: "is empty without pods of the family",
    service: newService("web", { ipFamilies: ["IPv6"] }),
    want: undefined,
  },
];

for (const { name, service, want } of cases) {
  test(`plan() ${name}`, () => assert.deepEqual(run(service, b, a, going), want));
}

test("plan() changes nothing that is right, and keeps the annotations of others", () => {
  const first = plan(newService("web"), [a], undefined)!;
  assert.equal(plan(newService("web"), [a], first), undefined);
  const annotated = {
    ...first,
    metadata: { ...first.metadata, annotations: { mine: "yes" }, resourceVersion: "7" },
  };
  const next = plan(newService("web"), [a, b], annotated);
  assert.deepEqual(next?.metadata.annotations, { mine: "yes" });
  assert.equal(next?.metadata.resourceVersion, "7");
});

test("plan() truncates and says so", () => {
  const many = Array.from({ length: ENDPOINTS_MAX + 5 }, (_, i) =>
    newPod(`p${i}`, { ip: `10.1.${i >> 8}.${i & 255}` }),
  );
  const truncated = plan(newService("web"), many, undefined)!;
  assert.equal(truncated.metadata.annotations?.["endpoints.kubernetes.io/over-capacity"], "truncated");
  assert.equal(truncated.subsets?.[0]?.addresses?.length, ENDPOINTS_MAX);
  const fewer = plan(newService("web"), [a], truncated);
  assert.equal(fewer?.metadata.annotations?.["endpoints.kubernetes.io/over-capacity"], undefined);
});

test("repackSubsets() lets ready win over not ready, and is idempotent", () => {
  const ports = [{ port: 80 }];
  const packed = repackSubsets([
    { notReadyAddresses: [{ ip: "1.1.1.1" }], ports },
    { addresses: [{ ip: "1.1.1.1" }], ports: [{ port: 81 }] },
  ]);
  assert.deepEqual(packed, [{ addresses: [{ ip: "1.1.1.1" }], ports: [{ port: 80 }, { port: 81 }] }]);
  assert.deepEqual(repackSubsets(packed), packed);
});
