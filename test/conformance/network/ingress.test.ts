/** Ingresses and IngressClasses as objects of the API; whoever serves them is not asked here. */
import { IngressClasses } from "#api/networking/v1/ingressclass";
import { Ingresses } from "#api/networking/v1/ingress";
import type { Ingress } from "#api/networking/v1/types.gen";
import assert from "node:assert/strict";
import { conformance } from "../harness/index.ts";
import { checkOperations, checkStatusOperations } from "../api-machinery/api-operations.ts";

function withMark(ingress: Ingress, mark: string): Ingress {
  return { ...ingress, status: { loadBalancer: { ingress: [{ hostname: `${mark}.example.com` }] } } };
}

function markOf({ status }: Ingress): string | undefined {
  return status?.loadBalancer?.ingress?.[0]?.hostname?.split(".")[0];
}

conformance(
  "[sig-network] IngressClass API should support creating IngressClass API operations",
  { containers: true },
  async (t) => {
    await checkOperations(t, {
      kind: IngressClasses,
      body: { spec: { controller: "example.com/controller" } },
    });
  },
);

conformance(
  "[sig-network] Ingress API should support creating Ingress API operations",
  { containers: true },
  async (t) => {
    const spec = {
      defaultBackend: { service: { name: "default-backend", port: { number: 80 } } },
      rules: [
        {
          host: "web.example.com",
          http: {
            paths: [
              {
                path: "/",
                pathType: "Prefix",
                backend: { service: { name: "web", port: { name: "http" } } },
              },
            ],
          },
        },
      ],
    };
    await checkOperations(t, { kind: Ingresses, body: { spec } });
    const metadata = { name: "status", namespace: t.namespace };
    const object: Ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata, spec };
    await t.client.create(Ingresses, object, t.signal);
    const all = await t.client.list(Ingresses, {}, t.signal);
    assert.ok(
      all.items.some((one) => one.metadata.namespace === t.namespace),
      "found from all namespaces",
    );
    await checkStatusOperations(t, Ingresses, "status", withMark, markOf);
  },
);
