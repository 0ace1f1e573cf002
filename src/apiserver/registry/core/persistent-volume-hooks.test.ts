import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume } from "#api/core/v1/types.gen";
import { systemContext } from "../../bootstrap/bootstrap.ts";
import { persistentVolumeHooks } from "./persistent-volume-hooks.ts";

const NOW = "2026-01-01T00:00:00Z";
const [EARLIER, CHOSEN] = ["2025-01-01T00:00:00Z", "2025-06-01T00:00:00Z"];

type Status = NonNullable<PersistentVolume["status"]>;

const timed = (phase: string, lastPhaseTransitionTime: string): Status => ({
  phase,
  lastPhaseTransitionTime,
});

function volume(status: Status): never {
  return { apiVersion: "v1", kind: "PersistentVolume", metadata: { name: "v" }, status } as never;
}

const cases: readonly (readonly [string, Status, string])[] = [
  ["another phase", timed("Bound", EARLIER), NOW],
  ["another phase without a time", { phase: "Bound" }, NOW],
  ["another phase with its time", timed("Bound", CHOSEN), CHOSEN],
  ["the same phase without a time", { phase: "Pending" }, EARLIER],
  ["the same phase with another time", timed("Pending", CHOSEN), CHOSEN],
];

for (const [name, status, expected] of cases) {
  test(`persistentVolumeHooks() times ${name}`, async (t) => {
    const { beginUpdate } = persistentVolumeHooks(() => Date.parse(NOW));
    const context = systemContext(t.signal);
    const begun = await beginUpdate!(volume(status), volume(timed("Pending", EARLIER)), context);
    assert.equal((begun.object as PersistentVolume).status?.lastPhaseTransitionTime, expected);
  });
}
