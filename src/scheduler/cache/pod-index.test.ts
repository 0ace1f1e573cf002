import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Pod } from "#api/core/v1/types.gen";
import { testNode, testPod } from "../fixture.ts";
import type { NodeInfo } from "./node-info.ts";
import type { PodCounter } from "./pod-counter.ts";
import type { CounterSpec } from "./pod-index.ts";
import { podInfo } from "./pod-info.ts";
import { SchedulerCache } from "./scheduler-cache.ts";
import { PER_NODE } from "./topology-table.ts";

const ZONE = "topology.kubernetes.io/zone";
const specs: readonly CounterSpec[] = [
  { key: "web by zone", topologyKey: ZONE, matches: ({ labels }) => labels["app"] === "web" },
  { key: "all by node", topologyKey: PER_NODE, matches: () => true },
  {
    key: "live web by zone, on good nodes",
    topologyKey: ZONE,
    matches: ({ labels, isTerminating }) => labels["app"] === "web" && !isTerminating,
    includes: (node) => node.labels["disk"] === "ssd" && node.hardTaints.length === 0,
  },
];

const nodeName = fc.constantFrom("a", "b", "c", "d");
const podName = fc.constantFrom("p", "q", "r", "s", "t");
const zone = fc.constantFrom("x", "y", undefined);
const placed = { podName, nodeName, app: fc.constantFrom("web", "db"), isTerminating: fc.boolean() };
const step = fc.oneof(
  fc.record({ kind: fc.constant("node"), nodeName, zone, ssd: fc.boolean(), tainted: fc.boolean() }),
  fc.record({ kind: fc.constant("remove node"), nodeName }),
  fc.record({ kind: fc.constant("set pod"), ...placed }),
  fc.record({ kind: fc.constant("assume"), ...placed }),
  fc.record({ kind: fc.constant("remove pod"), podName }),
  fc.record({ kind: fc.constant("forget"), podName }),
  fc.record({ kind: fc.constant("count"), at: fc.nat(specs.length - 1) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

test("counter() gives what a scan of all pods would, whatever happened to nodes and pods", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const cache = new SchedulerCache();
      for (const one of steps) apply(cache, one);
      for (const spec of specs) check(cache, spec, counterOf(cache, spec));
    }),
    { numRuns: 500, seed: 1 },
  );
});

function apply(cache: SchedulerCache, one: Step): void {
  switch (one.kind) {
    case "node": {
      const labels = { ...(one.zone !== undefined && { [ZONE]: one.zone }), ...(one.ssd && { disk: "ssd" }) };
      const spec = one.tainted ? { taints: [{ key: "k", effect: "NoSchedule" }] } : {};
      return cache.setNode(testNode(one.nodeName, { labels, spec }));
    }
    case "remove node":
      return cache.removeNode(one.nodeName);
    case "remove pod":
      return void cache.removePod(`uid-${one.podName}`);
    case "forget":
      return cache.forget(`uid-${one.podName}`);
    case "count":
      return void counterOf(cache, specs[one.at]!);
    case "set pod":
      return void cache.setPod(podOf(one));
    case "assume":
      cache.removePod(`uid-${one.podName}`);
      return cache.assume(podInfo(podOf(one)), one.nodeName);
  }
}

function podOf(placement: {
  readonly podName: string;
  readonly app: string;
  readonly nodeName: string;
  readonly isTerminating: boolean;
}): Pod {
  const { app } = placement;
  const pod = testPod(placement.podName, { labels: { app }, spec: { nodeName: placement.nodeName } });
  if (!placement.isTerminating) return pod;
  return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
}

function counterOf({ index }: SchedulerCache, { key, ...spec }: CounterSpec): PodCounter {
  return index.counter(key, () => spec);
}

function check({ nodes }: SchedulerCache, spec: CounterSpec, counter: PodCounter): void {
  const domainOf = (node: NodeInfo): string | undefined =>
    spec.topologyKey === PER_NODE ? node.name : node.labels[spec.topologyKey];
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const domain = domainOf(node);
    if (domain === undefined || spec.includes?.(node) === false) continue;
    const pods = [...node.pods.values()].filter(spec.matches).length;
    counts.set(domain, (counts.get(domain) ?? 0) + pods);
  }
  for (const node of nodes) {
    const domain = domainOf(node);
    assert.equal(counter.hasDomain(node), domain !== undefined);
    assert.equal(
      counter.at(node),
      domain === undefined ? 0 : (counts.get(domain) ?? 0),
      `${spec.key} at ${node.name}`,
    );
  }
  const sums = [...counts.values()];
  assert.equal(counter.domains, sums.length, `${spec.key}: domains`);
  assert.equal(counter.min, sums.length === 0 ? 0 : Math.min(...sums), `${spec.key}: min`);
  assert.equal(
    counter.total,
    sums.reduce((a, b) => a + b, 0),
    `${spec.key}: total`,
  );
}
