import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControllerRevision, StatefulSet } from "#api/apps/v1/types.gen";
import { surplusRevisions } from "./history.ts";

const revisions = [1, 2, 3, 4].map((revision): ControllerRevision => {
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: { name: `web-${revision}` },
    revision,
  };
});
const setOf = (revisionHistoryLimit: number): StatefulSet => ({
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: "web" },
  spec: { revisionHistoryLimit, selector: {}, serviceName: "web", template: {} },
});

const surplus = (limit: number): readonly string[] =>
  surplusRevisions(setOf(limit), revisions, [revisions[3]!], []).map(({ metadata }) => metadata.name);

test("surplusRevisions() counts what is not used, and keeps everything under a negative limit", () => {
  assert.deepEqual(
    [0, 1, 3, -1].map((limit) => surplus(limit)),
    [["web-1", "web-2", "web-3"], ["web-1", "web-2"], [], []],
  );
});
