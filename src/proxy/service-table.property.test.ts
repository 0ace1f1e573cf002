import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { DIALECTS } from "./nftables/dialect.ts";
import { emptyPlan, plan, type ServicePlan } from "./plan.ts";
import { ServiceTable } from "./service-table.ts";
import { ModelNft } from "./testing/model-nft.ts";

const NAMES = ["a", "b", "c"] as const;
const never = new AbortController().signal;

const policy = fc.constantFrom("Cluster", "Local");
const state = fc.record({
  name: fc.constantFrom(...NAMES),
  isGone: fc.boolean(),
  affinitySeconds: fc.constantFrom(undefined, 60, 90),
  internalTrafficPolicy: policy,
  externalTrafficPolicy: policy,
  externalIPs: fc.subarray(["198.51.100.1", "198.51.100.2"]),
  sourceRanges: fc.subarray(["203.0.113.0/24", "192.0.2.0/24"]),
  hasNodePort: fc.boolean(),
  endpoints: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 12 }),
});
type State = typeof state extends fc.Arbitrary<infer T> ? T : never;

test("commit() brings the table from any content to any other, with nothing too much, too little, or used when removed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(state, { minLength: 1, maxLength: 3 }), { maxLength: 8 }),
      async (steps) => {
        const model = new ModelNft();
        const table = tableOn(model);
        const plans = new Map<string, ServicePlan>();
        await table.commit(new Map(), [], never);
        const empty = sizesOf(model);
        for (const step of steps) {
          const changed = new Map(step.map((one) => [one.name, planOf(one)]));
          for (const [name, planned] of changed) plans.set(name, planned);
          await table.commit(changed, [], never);
          check(model, plans);
        }
        await table.commit(new Map(NAMES.map((name) => [name, emptyPlan])), [], never);
        assert.deepEqual(sizesOf(model), empty);
      },
    ),
    { numRuns: 150 },
  );
});

function tableOn(model: ModelNft): ServiceTable {
  return new ServiceTable({
    dialect: DIALECTS.IPv4,
    nft: { apply: async (script) => model.apply(script), list: () => Promise.resolve() },
    serviceCIDRs: ["10.96.0.0/12"],
    masquerade: { clusterCIDRs: ["10.244.0.0/16"] },
    nodePorts: { type: "some", ips: ["192.0.2.1"], hasLoopback: false },
  });
}

/** Every way in leads to the endpoints of one of the services that want it, and to each of them by one number. */
function check(model: ModelNft, plans: ReadonlyMap<string, ServicePlan>): void {
  const keys = new Set<string>();
  for (const { ports } of plans.values())
    for (const port of ports)
      for (const { key, route } of port.frontends) if (route !== undefined) keys.add(key);
  const verdicts = new Map([...model.sets.get("service-ips")!, ...model.sets.get("service-nodeports")!]);
  for (const [key, verdict] of verdicts) {
    const found = targetsOf(model, verdict.replace("goto ", ""), key);
    const wanted = [...plans.values()].flatMap(({ ports }) =>
      ports.flatMap((port) =>
        port.frontends
          .filter((frontend) => frontend.key === key && frontend.route !== undefined)
          .map(({ route }) =>
            [...port.pools[route?.type === "internal" ? route.pool : "cluster"]].toSorted(byText),
          ),
      ),
    );
    assert.ok(
      wanted.some((one) => one.join() === found.join()),
      `${key} leads to ${found.join()}`,
    );
  }
  const refused = new Map([
    ...model.sets.get("no-endpoint-services")!,
    ...model.sets.get("no-endpoint-nodeports")!,
  ]);
  const frontends = [...plans.values()].flatMap(({ ports }) => ports.flatMap((port) => port.frontends));
  for (const { key, refusal } of frontends) if (!isShared(key)) assert.equal(refused.get(key), refusal, key);
  for (const key of keys) if (!isShared(key)) assert.ok(verdicts.has(key), `${key} leads nowhere`);
}

/** The first to claim it may be one that nobody serves. */
function isShared(key: string): boolean {
  return key.startsWith("198.51.100.");
}

/** Whom a chain leads to, by each of its numbers; what comes first in it does not matter here. */
function targetsOf(model: ModelNft, chain: string, key: string): readonly string[] {
  const rules = model.chains.get(chain)!;
  const next = rules
    .map((rule) => /(?<!local )goto (\S+)/.exec(rule)?.[1])
    .find((name) => name !== undefined);
  if (next !== undefined) return targetsOf(model, next, key);
  const [, size = "", map = ""] = /numgen random mod (\d+) map @(\S+)/.exec(rules.join("\n"))!;
  const isAffine = map.startsWith("choices-");
  const prefix = isAffine ? "" : `${key.replace(/(^| \. )(tcp|udp)( \. )/, "$1").replace(/ \. $/, "")} . `;
  const elements = model.sets.get(map)!;
  const all = Array.from({ length: Number(size) }, (_, i) => elements.get(`${prefix}${i}`)!);
  assert.equal(
    [...elements.keys()].filter((one) => one.startsWith(prefix)).length,
    all.length,
    "one too many",
  );
  return all.map((one) => (isAffine ? slotOf(model, map, one) : one)).toSorted(byText);
}

function slotOf(model: ModelNft, choices: string, slot: string): string {
  assert.ok(model.sets.get(choices.replace("choices", "live"))!.has(slot), "whoever is chosen may be kept");
  return model.sets.get("affinity-slots")!.get(slot)!;
}

function byText(a: string, b: string): number {
  return a.localeCompare(b);
}

function sizesOf(model: ModelNft): object {
  const sets = [...model.sets].map(([name, elements]) => `${name} ${elements.size}`);
  // chains that belong to no service may stay for the next one
  const chains = [...model.chains.keys()].filter(
    (name) => !/^(internal-|external-|local-|nodeport-)*endpoints-/.test(name),
  );
  return { sets: sets.toSorted(byText), chains: chains.toSorted(byText) };
}

function planOf(one: State): ServicePlan {
  if (one.isGone) return emptyPlan;
  const index = NAMES.indexOf(one.name);
  const spec: ServiceSpec = {
    type: "LoadBalancer",
    clusterIP: `10.96.0.${index}`,
    ports: [{ port: 80, ...(one.hasNodePort && { nodePort: 30_000 + index }) }],
    sessionAffinity: one.affinitySeconds === undefined ? "None" : "ClientIP",
    sessionAffinityConfig: { clientIP: { timeoutSeconds: one.affinitySeconds ?? 60 } },
    internalTrafficPolicy: one.internalTrafficPolicy,
    externalTrafficPolicy: one.externalTrafficPolicy,
    externalIPs: one.externalIPs,
    loadBalancerSourceRanges: one.sourceRanges,
  };
  const service: Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: one.name, namespace: "default" },
    spec,
    status: { loadBalancer: { ingress: [{ ip: `203.0.113.${index + 1}` }] } },
  };
  const slice: EndpointSlice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${one.name}-1`, namespace: "default" },
    addressType: "IPv4",
    ports: [{ port: 8080 }],
    endpoints: one.endpoints.map((n) => ({ addresses: [`10.244.0.${n}`], nodeName: `n${n % 3}` })),
  };
  return plan(service, [slice], { family: "IPv4", nodeName: "n1", nodeIPs: ["192.0.2.1"] });
}
