import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Endpoint, EndpointSlice } from "#api/discovery/v1/types.gen";
import type { EndpointGroup, SliceChanges, SliceTemplate } from "./merge.ts";
import { planSlices } from "./merge.ts";

const ENDPOINTS_MAX = 4;
const template: SliceTemplate = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: "", generateName: "web-", namespace: "default", labels: { app: "web" } },
};

/** Groups of endpoints by port; each endpoint is a number, ready when it is even. */
const groups = fc
  .uniqueArray(
    fc.record({
      port: fc.integer({ min: 1, max: 3 }),
      ids: fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 14 }),
    }),
    {
      selector: ({ port }) => port,
      minLength: 1,
    },
  )
  .map((all) =>
    all.map(({ port, ids }): EndpointGroup => ({
      addressType: "IPv4",
      ports: [{ port }],
      endpoints: ids.map(endpoint),
    })),
  );

function endpoint(id: number): Endpoint {
  return {
    addresses: [`10.0.0.${id}`],
    conditions: { ready: id % 2 === 0 },
    targetRef: { kind: "Pod", name: `p${id}`, uid: `u${id}` },
  };
}

/** What the API server would hold afterwards. */
function apply(
  slices: readonly EndpointSlice[],
  { create, update, remove }: SliceChanges,
  serial: { next: number },
): readonly EndpointSlice[] {
  const updated = new Map(update.map((slice) => [slice.metadata.name, slice]));
  const gone = new Set(remove.map(({ metadata }) => metadata.name));
  const kept = slices.filter(({ metadata }) => !gone.has(metadata.name));
  const created = create.map((slice) => ({
    ...slice,
    metadata: { ...slice.metadata, name: `web-${serial.next++}` },
  }));
  return [...kept.map((slice) => updated.get(slice.metadata.name) ?? slice), ...created];
}

function contents(slices: readonly Pick<EndpointSlice, "ports" | "endpoints">[]): readonly string[] {
  const lines = slices.flatMap(({ ports, endpoints = [] }) =>
    endpoints.map((e) => JSON.stringify([ports, e])),
  );
  return lines.toSorted((a, b) => (a < b ? -1 : 1));
}

test("planSlices() reaches any set of endpoints from any other, within bounds, and then rests", () => {
  fc.assert(
    fc.property(fc.array(groups, { minLength: 1, maxLength: 5 }), (history) => {
      const serial = { next: 0 };
      let slices: readonly EndpointSlice[] = [];
      for (const wanted of history) {
        slices = apply(slices, planSlices(slices, wanted, template, ENDPOINTS_MAX), serial);
        assert.deepEqual(contents(slices), contents(wanted));
        assert.ok(slices.every(({ endpoints = [] }) => endpoints.length <= ENDPOINTS_MAX));
        assert.deepEqual(planSlices(slices, wanted, template, ENDPOINTS_MAX), {
          create: [],
          update: [],
          remove: [],
        });
      }
    }),
  );
});

test("planSlices() corrects labels and changed endpoints, each with one update", () => {
  const wanted: EndpointGroup[] = [{ addressType: "IPv4", ports: [{ port: 1 }], endpoints: [endpoint(1)] }];
  const [slice] = apply([], planSlices([], wanted, template, ENDPOINTS_MAX), { next: 0 });
  const relabelled = { ...slice!, metadata: { ...slice!.metadata, labels: {} } };
  assert.deepEqual(
    planSlices([relabelled], wanted, template, ENDPOINTS_MAX).update.map(({ metadata }) => metadata.labels),
    [{ app: "web" }],
  );
  for (const change of [
    { nodeName: "n" },
    { zone: "z" },
    { hostname: "h" },
    { conditions: { ready: true } },
  ]) {
    const changed = [{ ...wanted[0]!, endpoints: [{ ...endpoint(1), ...change }] }];
    assert.equal(planSlices([slice!], changed, template, ENDPOINTS_MAX).update.length, 1);
  }
});
