import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "#client";
import { fetchUsages } from "./metrics.ts";

const { signal } = new AbortController();
const asked = { namespace: "default", labelSelector: "app=web", resource: "cpu" };

/** A pod as `metrics.k8s.io` shows it; words are `CONTAINER=CPU`. */
function measured(name: string, text: string): object {
  const containers = text.split(" ").map((word) => {
    const [container, cpu] = word.split("=");
    return { name: container, usage: cpu === "" ? {} : { cpu } };
  });
  return { metadata: { name }, timestamp: "2026-01-02T00:00:00Z", window: "30s", containers };
}

function serving(...items: readonly object[]): Client {
  return { list: async () => ({ items }) } as unknown as Client;
}

const cases: readonly (readonly [title: string, container: string | undefined, milli: object])[] = [
  ["adds up the containers, and leaves out pods that were measured in part", undefined, { a: 350 }],
  ["takes one container alone, and leaves out pods without it", "app", { a: 250, b: 100 }],
  ["leaves out pods whose container was not measured", "sidecar", { a: 100 }],
];

for (const [title, container, want] of cases)
  test(`fetchUsages() ${title}`, async () => {
    const client = serving(
      measured("a", "app=250m sidecar=100m"),
      measured("b", "app=100m sidecar="),
      measured("c", "other="),
    );
    const usages = await fetchUsages(
      client,
      { ...asked, ...(container !== undefined && { container }) },
      signal,
    );
    assert.deepEqual(Object.fromEntries([...usages].map(([name, { milli }]) => [name, milli])), want);
    assert.equal(usages.get("a")?.windowMs, 30_000);
  });

test("fetchUsages() says that nothing was measured", async () => {
  await assert.rejects(
    fetchUsages(serving(), asked, signal),
    /no metrics returned from resource metrics API/,
  );
});
