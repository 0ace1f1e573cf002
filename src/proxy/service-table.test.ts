import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyPlan, plan, type ServicePlan } from "./plan.ts";
import { ServiceTable } from "./service-table.ts";

const nodePorts = { type: "some", ips: ["192.168.49.2"], hasLoopback: false } as const;
const base = { serviceCIDR: "10.96.0.0/12", nodePorts };
const never = new AbortController().signal;

test("commit() writes the whole table first, and then only what differs", async () => {
  const scripts: string[] = [];
  const table = new ServiceTable({ apply: async (script) => void scripts.push(script) }, base);
  await table.commit(new Map([["default/web", web(["10.244.0.5"])]]), [], never);
  assert.match(scripts[0]!, /^add table ip k8ts-proxy\ndelete table/);
  await table.commit(new Map([["default/web", web(["10.244.0.5", "10.244.0.6"])]]), [], never);
  const lines = scripts[1]!.trim().split("\n");
  assert.deepEqual(
    lines.map((line) => line.split(" ").slice(0, 2).join(" ")),
    ["flush chain", "add rule", "add element"],
  );
});

test("commit() of an equal plan runs nothing", async () => {
  let runs = 0;
  const table = new ServiceTable({ apply: async () => void runs++ }, base);
  await table.commit(new Map([["default/web", web(["10.244.0.5"])]]), [], never);
  await table.commit(new Map([["default/web", web(["10.244.0.5"])]]), [], never);
  assert.equal(runs, 1);
});

test("commit() keeps an element that another service still needs", async () => {
  const scripts: string[] = [];
  const table = new ServiceTable({ apply: async (script) => void scripts.push(script) }, base);
  await table.commit(
    new Map([
      ["default/a", web(["10.244.0.5"], "a")],
      ["default/b", web(["10.244.0.5"], "b")],
    ]),
    [],
    never,
  );
  await table.commit(new Map([["default/a", emptyPlan]]), [], never);
  assert.doesNotMatch(scripts[1]!, /hairpin/);
  await table.commit(new Map([["default/b", emptyPlan]]), [], never);
  assert.match(
    scripts[2]!,
    /delete element ip k8ts-proxy hairpin-connections \{ 10\.244\.0\.5 \. 10\.244\.0\.5 \}/,
  );
});

test("commit() is damaged after a failure until a whole table was written", async () => {
  let fail = true;
  const apply = async (): Promise<void> => {
    if (fail) throw new Error("nft says no");
  };
  const table = new ServiceTable({ apply }, base);
  await assert.rejects(table.commit(new Map(), [], never), /nft says no/);
  assert.equal(table.isDamaged, true);
  fail = false;
  await table.commit(new Map(), [], never);
  assert.equal(table.isDamaged, false);
});

test("commit() closes the ranges of ServiceCIDRs besides its own, and no range twice", async () => {
  const scripts: string[] = [];
  const table = new ServiceTable({ apply: async (script) => void scripts.push(script) }, base);
  await table.commit(new Map(), ["10.96.0.0/16", "2001:db8::/112"], never);
  assert.deepEqual(scripts[0]!.match(/add element ip k8ts-proxy service-ranges .*/g), [
    "add element ip k8ts-proxy service-ranges { 10.96.0.0/12 }",
  ]);
  await table.commit(new Map(), ["10.200.0.0/24"], never);
  assert.equal(scripts[1], "add element ip k8ts-proxy service-ranges { 10.200.0.0/24 }\n");
  await table.commit(new Map(), ["10.192.0.0/12", "10.200.0.0/24"], never);
  assert.deepEqual(scripts[2]!.split("\n"), [
    "delete element ip k8ts-proxy service-ranges { 10.200.0.0/24 }",
    "add element ip k8ts-proxy service-ranges { 10.192.0.0/12 }",
    "",
  ]);
});

function web(ips: readonly string[], name = "web"): ServicePlan {
  const address = `10.96.0.${name.charCodeAt(0)}`;
  return plan(
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default" },
      spec: { clusterIP: address, ports: [{ port: 80 }] },
    },
    [
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: `${name}-1`, namespace: "default" },
        addressType: "IPv4",
        ports: [{ port: 8080 }],
        endpoints: ips.map((ip) => ({ addresses: [ip], nodeName: "n1" })),
      },
    ],
    { nodeName: "n1", clusterCIDR: "10.244.0.0/16", nodeIPs: [] },
  );
}
