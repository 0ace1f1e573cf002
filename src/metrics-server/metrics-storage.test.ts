import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeSample } from "./decode.ts";
import type { MetricsPoint } from "./metrics-point.ts";
import { MetricsStorage } from "./metrics-storage.ts";

const RESOLUTION_MS = 15_000;

function point(atMs: number, cpuSeconds: number, startedAtMs = 0): MetricsPoint {
  return { atMs, cpuSeconds, memoryBytes: 1024, startedAtMs };
}

function sample(container: MetricsPoint): ReadonlyMap<string, NodeSample> {
  const { startedAtMs: _startedAtMs, ...node } = container;
  return new Map([["n", { node, pods: new Map([["x/a", new Map([["web", container]])]]) }]]);
}

function store(storage: MetricsStorage, samples: ReadonlyMap<string, NodeSample>): void {
  const round = storage.begin();
  for (const [node, one] of samples) round.add(node, one);
  round.commit();
}

function told(container: MetricsPoint): NodeSample {
  return { node: undefined, pods: new Map([["x/a", new Map([["web", container]])]]) };
}

const cases: readonly (readonly [string, readonly MetricsPoint[], readonly [number, number] | undefined])[] =
  [
    ["one measurement says nothing", [point(100_000, 5)], undefined],
    ["two give a rate", [point(100_000, 5), point(115_000, 8)], [0.2, 15_000]],
    ["the last two of three count", [point(1, 0), point(100_000, 5), point(110_000, 10)], [0.5, 10_000]],
    [
      "a measurement told twice keeps the pair",
      [point(85_000, 2), point(100_000, 5), point(100_000, 5)],
      [0.2, 15_000],
    ],
    ["a counter that goes back says nothing", [point(100_000, 5), point(115_000, 1)], undefined],
    [
      "a container that began anew is another one",
      [point(100_000, 5), point(135_000, 9, 101_000)],
      undefined,
    ],
    ["a fresh container is compared with its start", [point(112_000, 6, 100_000)], [0.5, 12_000]],
    ["a container of a few seconds says nothing yet", [point(105_000, 1, 100_000)], undefined],
  ];

for (const [name, points, expected] of cases) {
  test(`MetricsStorage: ${name}`, () => {
    const storage = new MetricsStorage(RESOLUTION_MS);
    for (const one of points) store(storage, sample(one));
    const [usage] = storage.pod("x", "a") ?? [];
    assert.deepEqual(usage && [usage.cpuCores, usage.windowMs], expected);
  });
}

test("MetricsStorage forgets nodes and pods that a round does not tell of", () => {
  const storage = new MetricsStorage(RESOLUTION_MS);
  store(storage, sample(point(100_000, 5)));
  store(storage, sample(point(115_000, 8)));
  assert.equal(storage.node("n")?.cpuCores, 0.2);
  store(storage, new Map());
  assert.equal(storage.node("n"), undefined);
  assert.equal(storage.pod("x", "a"), undefined);
});

test("MetricsStorage believes the newer measurement of a pod that two nodes tell of", () => {
  const storage = new MetricsStorage(RESOLUTION_MS);
  const [old, fresh] = [point(100_000, 1), point(110_000, 2)];
  store(storage, new Map([["n", told(point(95_000, 1))]]));
  store(
    storage,
    new Map([
      ["n", told(fresh)],
      ["m", told(old)],
    ]),
  );
  assert.equal(storage.pod("x", "a")?.[0]?.atMs, 110_000);
});
