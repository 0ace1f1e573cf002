import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/core/v1/types.gen";
import { newNode } from "../testing/objects.ts";
import { ZoneMetrics } from "./metrics.ts";

const inZone = (zone: string, ready: "True" | "False"): Node => {
  const node = newNode("n", ready);
  return { ...node, metadata: { ...node.metadata, labels: { "topology.kubernetes.io/zone": zone } } };
};

test("ZoneMetrics counts the nodes of each zone as they come, turn, move and go", () => {
  const shown = new Map<string, number>();
  const zones = new ZoneMetrics({
    inc: () => {},
    observe: () => {},
    set: (name, { zone }, value) =>
      void shown.set(`${name.replace("node_collector_", "")} ${zone?.slice(-1)}`, value),
  });
  zones.changed(undefined, inZone("a", "True"));
  zones.changed(undefined, inZone("a", "True"));
  zones.changed(inZone("a", "True"), inZone("a", "False"));
  const before = ["zone_size a", "unhealthy_nodes_in_zone a", "zone_health a"].map((name) => shown.get(name));
  assert.deepEqual(before, [2, 1, 50]);
  zones.changed(inZone("a", "False"), inZone("b", "False"));
  zones.changed(inZone("a", "True"), undefined);
  const names = ["zone_size a", "zone_health a", "zone_size b", "unhealthy_nodes_in_zone b", "zone_health b"];
  assert.deepEqual(
    names.map((name) => shown.get(name)),
    [0, 100, 1, 1, 0],
  );
});
