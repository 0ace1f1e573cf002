/** The least a cluster must have for the other tests to mean something. */
import assert from "node:assert/strict";
import { Nodes } from "#api/core/v1/node";
import { conformance } from "../harness/index.ts";

const KEEPS_PODS_AWAY = ["NoSchedule", "NoExecute"];

conformance(
  "[sig-architecture] Conformance Tests should have at least two untainted nodes",
  { containers: true },
  async (t) => {
    const { items } = await t.client.list(Nodes, {}, t.signal);
    const usable = items.filter(
      ({ spec, status }) =>
        spec?.unschedulable !== true &&
        !(spec?.taints ?? []).some(({ effect }) => KEEPS_PODS_AWAY.includes(effect)) &&
        (status?.conditions ?? []).some(({ type, status: holds }) => type === "Ready" && holds === "True"),
    );
    assert.ok(usable.length >= 2, `${usable.length} of ${items.length} nodes are Ready and untainted`);
  },
);
