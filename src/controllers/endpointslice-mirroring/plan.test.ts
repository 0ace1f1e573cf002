import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoints } from "#api/core/v1/types.gen";
import { newService } from "../testing/objects.ts";
import { isMirrored, plan } from "./plan.ts";

function endpoints(metadata: Partial<Endpoints["metadata"]> = {}): Endpoints {
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name: "web", namespace: "default", uid: "uid-web", ...metadata },
    subsets: [
      {
        addresses: [{ ip: "1.1.1.1" }, { ip: "fd00::1" }],
        notReadyAddresses: [{ ip: "1.1.1.2" }],
        ports: [{ port: 80 }],
      },
    ],
  };
}

function withoutSelector(): ReturnType<typeof newService> {
  const service = newService("web");
  const { selector: _, ...spec } = service.spec!;
  return { ...service, spec };
}

test("isMirrored() takes Endpoints of services without a selector that do not ask to be left out", () => {
  assert.equal(isMirrored(endpoints(), withoutSelector()), true);
  assert.equal(isMirrored(endpoints(), newService("web")), false);
  assert.equal(isMirrored(endpoints(), undefined), false);
  assert.equal(
    isMirrored(
      endpoints({ labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } }),
      withoutSelector(),
    ),
    false,
  );
  assert.equal(
    isMirrored(
      endpoints({ annotations: { "control-plane.alpha.kubernetes.io/leader": "{}" } }),
      withoutSelector(),
    ),
    false,
  );
});

test("plan() makes a slice per address family, owned by the Endpoints", () => {
  const { create } = plan(endpoints({ labels: { a: "b" }, annotations: { note: "x" } }), []);
  const shown = create.map((s) => [
    s.addressType,
    s.endpoints?.map((e) => `${e.addresses.join()}=${e.conditions?.ready}`).join(" "),
  ]);
  assert.deepEqual(shown, [
    ["IPv4", "1.1.1.1=true 1.1.1.2=false"],
    ["IPv6", "fd00::1=true"],
  ]);
  assert.deepEqual(create[0]?.metadata.labels, {
    a: "b",
    "kubernetes.io/service-name": "web",
    "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
  });
  assert.deepEqual(create[0]?.metadata.annotations, { note: "x" });
  assert.equal(create[0]?.metadata.ownerReferences?.[0]?.kind, "Endpoints");
});
