import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#apimachinery";
import type { Service } from "#api/core/v1/types.gen";
import type { RequestContext } from "../context.ts";
import { parseIpRange } from "./ip-range.ts";
import { ServiceAllocator } from "./service-allocator.ts";

const context = {} as RequestContext;

function allocator(cidr = "10.0.0.0/28"): ServiceAllocator {
  return new ServiceAllocator({
    range: parseIpRange(cidr),
    nodePorts: { from: 30000, to: 30003 },
    random: () => 0,
  });
}

function service(spec: object): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "s" },
    spec: { type: "ClusterIP", ...spec },
  } as KubeObject;
}

async function create(of: ServiceAllocator, spec: object): Promise<Service> {
  const begun = await of.hooks().beginCreate!(service(spec), context);
  begun.finish(true);
  return begun.object as Service;
}

test("ServiceAllocator gives every service an address of its own", async () => {
  const of = allocator();
  const seen = new Set<string>();
  for (let i = 0; i < 14; i++) seen.add((await create(of, {})).spec!.clusterIP!);
  assert.equal(seen.size, 14);
  await assert.rejects(create(of, {}), /range is full/);
});

test("ServiceAllocator keeps explicit addresses apart, and gives back what failed", async () => {
  const of = allocator();
  const first = await of.hooks().beginCreate!(service({ clusterIP: "10.0.0.5" }), context);
  await assert.rejects(create(of, { clusterIP: "10.0.0.5" }), /provided IP is already allocated/);
  first.finish(false);
  assert.equal((await create(of, { clusterIP: "10.0.0.5" })).spec?.clusterIP, "10.0.0.5");
  await assert.rejects(create(of, { clusterIP: "10.1.0.5" }), /not in the valid range/);
});

test("ServiceAllocator leaves headless services without an address", async () => {
  const { spec } = await create(allocator(), { clusterIP: "None", selector: { a: "b" } });
  assert.deepEqual([spec?.clusterIP, spec?.clusterIPs, spec?.ipFamilies], ["None", ["None"], ["IPv4"]]);
});

test("ServiceAllocator gives node ports, one per number for all protocols", async () => {
  const of = allocator();
  const ports = [
    { port: 53, protocol: "UDP", name: "u" },
    { port: 53, protocol: "TCP", name: "t" },
    { port: 80, protocol: "TCP", name: "h" },
  ];
  const { spec } = await create(of, { type: "NodePort", ports });
  const given = spec!.ports!.map((port) => port.nodePort);
  assert.equal(given[0], given[1]);
  assert.notEqual(given[0], given[2]);
  const taken = { type: "NodePort", ports: [{ port: 1, nodePort: given[0] }] };
  await assert.rejects(
    create(of, taken),
    /spec.ports\[0\].nodePort: Invalid value: 30000: provided port is already allocated/,
  );
  await assert.rejects(
    create(of, { type: "NodePort", ports: [{ port: 1, nodePort: 80 }] }),
    /valid ports is 30000-30003/,
  );
});

test("ServiceAllocator releases what an update or a delete no longer uses", async () => {
  const of = allocator();
  const old = await create(of, { type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] });
  const updated = { ...old, spec: { ...old.spec, type: "ClusterIP", ports: [{ port: 80 }] } } as KubeObject;
  const begun = await of.hooks().beginUpdate!(updated, old, context);
  begun.finish(true);
  await create(of, { type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] });
  of.hooks().afterDelete!(begun.object);
  const { clusterIP } = old.spec!;
  assert.equal((await create(of, { clusterIP })).spec?.clusterIP, clusterIP);
});
