import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { newNode, newPod, newService, START, START_MS } from "../testing/objects.ts";
import { TopologyCache } from "./topology-cache.ts";
import { addHints, isOverloaded, withoutHints } from "./topology-hints.ts";
import { hintClose, trafficDistributionOf } from "./traffic-distribution.ts";
import { TriggerTimes } from "./trigger-times.ts";
import { zoneRatios } from "./zone-ratios.ts";

const ZONE = "topology.kubernetes.io/zone";

/** Endpoints in short: the zone each is in, `-` before those that are not ready, and after `>` the zone it is for. */
function slice(name: string, ...endpoints: readonly string[]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace: "default" },
    addressType: "IPv4",
    endpoints: endpoints.map((text, i) => {
      const [zone = "", forZone] = text.replace("-", "").split(">");
      return {
        addresses: [`10.0.0.${i}`],
        conditions: { ready: !text.startsWith("-") },
        ...(zone !== "" && { zone }),
        ...(forZone !== undefined && { hints: { forZones: [{ name: forZone }] } }),
      };
    }),
  };
}

function short(slices: readonly EndpointSlice[]): readonly string[] {
  return slices.map(({ metadata, endpoints = [] }) => {
    const hints = endpoints.map(({ hints: one }) => one?.forZones?.[0]?.name ?? "");
    return `${metadata.name}:${hints.join()}`;
  });
}

const half = new Map([
  ["a", 0.5],
  ["b", 0.5],
]);

const cases = [
  { name: "hints at its own zone", create: [slice("s", "a", "b")], ratios: half, want: ["s:a,b"] },
  {
    name: "gives to a zone that has too few",
    create: [slice("s", "a", "a", "a", "b")],
    ratios: half,
    want: ["s:b,a,a,b"],
  },
  {
    name: "leaves out what is not ready",
    create: [slice("s", "a", "-a", "b")],
    ratios: half,
    want: ["s:a,,b"],
  },
  {
    name: "keeps slices that are good enough",
    create: [slice("new", "b")],
    unchanged: [slice("old", "a>a")],
    ratios: half,
    want: ["new:b"],
  },
  {
    name: "renews slices with a hint for a zone that is gone",
    create: [slice("new", "b")],
    unchanged: [slice("old", "a>c")],
    ratios: half,
    want: ["new:b", "old:a"],
  },
  {
    name: "says when nodes do not tell enough",
    create: [slice("s", "a", "b")],
    unchanged: [slice("old", "a>a")],
    ratios: undefined,
    want: [
      "s:,",
      "old:",
      "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes",
    ],
  },
  {
    name: "says when there are too few endpoints",
    create: [slice("s", "a")],
    ratios: half,
    want: ["s:", "Insufficient number of endpoints (1 endpoints, 2 zones)"],
  },
  {
    name: "says when one has no zone",
    create: [slice("s", "a", "b", "a", "")],
    ratios: half,
    want: ["s:,,,", "One or more endpoints do not have a zone specified"],
  },
  {
    name: "says when no share would do",
    create: [slice("s", "a", "b", "c", "c")],
    ratios: new Map([
      ["a", 0.31],
      ["b", 0.31],
      ["c", 0.38],
    ]),
    want: [
      "s:,,,",
      "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (4 endpoints, 3 zones)",
    ],
  },
];

for (const { name, create, unchanged = [], ratios, want } of cases) {
  test(`addHints() ${name}`, () => {
    const { slices, problem } = addHints({ create, update: [], unchanged }, ratios);
    assert.deepEqual(
      [...short([...slices.create, ...slices.update]), ...((problem ?? "") ? [problem] : [])],
      want,
    );
  });
}

test("withoutHints() updates unchanged slices that have hints, and no others", () => {
  const unchanged = [slice("x", "a>a"), slice("y", "a")];
  const made = withoutHints({ create: [], update: [], unchanged });
  assert.deepEqual([short(made.update), short(made.unchanged)], [["x:"], ["y:"]]);
});

test("hintClose() corrects what is ready and leaves the rest", () => {
  const unchanged = [slice("x", "a>b"), slice("y", "a>a"), slice("z", "-a>b")];
  const made = hintClose("PreferClose", { create: [], update: [], unchanged });
  assert.deepEqual([short(made.update), short(made.unchanged)], [["x:a"], ["y:a", "z:b"]]);
});

test("trafficDistributionOf() counts for nothing beside the annotation, or when it is not known", () => {
  const close = newService("web", { trafficDistribution: "PreferClose" });
  const annotations = { "service.kubernetes.io/topology-mode": "auto" };
  assert.equal(trafficDistributionOf(close), "PreferClose");
  assert.equal(trafficDistributionOf({ ...close, metadata: { ...close.metadata, annotations } }), "");
  assert.equal(trafficDistributionOf(newService("web", { trafficDistribution: "Other" })), "");
});

const node = (name: string, zone: string, cpu: string, ready: "True" | "False" = "True", label = "x") =>
  newNode(name, ready, {
    metadata: { name, labels: { ...(zone !== "" && { [ZONE]: zone }), [label]: "" } },
    status: { allocatable: { cpu }, conditions: [{ type: "Ready", status: ready }] },
  });

test("zoneRatios() counts ready nodes without a control plane by their processors", () => {
  const nodes = [node("1", "a", "3"), node("2", "b", "1000m"), node("3", "c", "9", "False")];
  const master = node("4", "", "9", "True", "node-role.kubernetes.io/control-plane");
  assert.deepEqual(
    [...zoneRatios([...nodes, master])!],
    [
      ["a", 0.75],
      ["b", 0.25],
    ],
  );
  assert.equal(zoneRatios([...nodes, node("5", "", "1")]), undefined);
  assert.equal(zoneRatios(nodes.slice(0, 1)), undefined);
});

test("TopologyCache tells once that hints are there, and that they are gone; nodes that go make a service overloaded", () => {
  const cache = new TopologyCache();
  const byZone = new Map([
    ["a", 1],
    ["b", 1],
  ]);
  const note = (isAuto: boolean, more: object = {}) =>
    cache
      .note("d/web", [{ addressType: "IPv4", isAuto, ...more }])
      .map(({ reason, message }) => `${reason}: ${message}`);
  assert.deepEqual(note(true, { byZone }), [
    "TopologyAwareHintsEnabled: Topology Aware Hints has been enabled, addressType: IPv4",
  ]);
  assert.deepEqual(note(true, { byZone }), []);
  assert.deepEqual(cache.overloaded(half), []);
  assert.deepEqual(cache.overloaded(undefined), ["d/web"]);
  assert.deepEqual(note(false), [
    "TopologyAwareHintsDisabled: Topology Aware Hints has been disabled, addressType: IPv4",
  ]);
  assert.deepEqual(note(false), []);
  assert.equal(cache.isEmpty, true);
  assert.equal(
    isOverloaded(
      new Map([
        ["a", 5],
        ["b", 1],
      ]),
      half,
    ),
    true,
  );
});

const pod = (readySince: string) => newPod("p", { readySince });

test("TriggerTimes tells the earliest change since the last look", () => {
  const times = new TriggerTimes();
  assert.equal(times.observe("d/web", newService("web"), [pod(START)]), START_MS);
  assert.equal(times.observe("d/web", newService("web"), [pod(START)]), undefined);
  assert.equal(times.observe("d/web", newService("web"), [pod("2026-01-02T00:00:09Z")]), START_MS + 9_000);
});
