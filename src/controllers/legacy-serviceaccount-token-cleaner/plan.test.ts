import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, Secret, ServiceAccount } from "#api/core/v1/types.gen";
import { INVALID_SINCE_LABEL, isTrackedLongEnough, LAST_USED_LABEL, planToken, type Action } from "./plan.ts";

const YEAR_MS = 365 * 86_400_000;
const NOW = Date.parse("2026-06-01T00:00:00Z");
const account: ServiceAccount = {
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name: "web", namespace: "default", uid: "u1" },
  secrets: [{ name: "t" }],
};
const mounting = {
  metadata: { name: "p", namespace: "default" },
  spec: { containers: [], volumes: [{ name: "v", secret: { secretName: "t" } }] },
} as unknown as Pod;
const old = (
  labels: Readonly<Record<string, string>>,
  creationTimestamp = "2024-01-01T00:00:00Z",
): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "t", namespace: "default", labels, creationTimestamp },
  type: "kubernetes.io/service-account-token",
});

const cases: readonly [string, Secret, ServiceAccount | undefined, readonly Pod[], Action][] = [
  ["was never used", old({}), account, [], "invalidate"],
  ["was used lately", old({ [LAST_USED_LABEL]: "2026-05-30" }), account, [], "keep"],
  ["was used long ago", old({ [LAST_USED_LABEL]: "2025-05-30" }), account, [], "invalidate"],
  ["is young", old({}, "2026-05-01T00:00:00Z"), account, [], "keep"],
  ["somebody made by hand", old({}), { ...account, secrets: [] }, [], "keep"],
  ["a pod mounts", old({}), account, [mounting], "keep"],
  ["is invalid since lately", old({ [INVALID_SINCE_LABEL]: "2026-01-01" }), account, [], "keep"],
  ["is invalid for a year", old({ [INVALID_SINCE_LABEL]: "2025-01-01" }), account, [], "delete"],
  ["has no account", old({}), undefined, [], "keep"],
];
for (const [what, secret, owner, pods, expected] of cases)
  test(`planToken() decides about a token that ${what}: ${expected}`, () => {
    const surroundings = { nowMs: NOW, cleanUpPeriodMs: YEAR_MS, account: owner, pods };
    assert.equal(planToken(secret, surroundings), expected);
  });

test("isTrackedLongEnough() waits for a whole period after the day tracking began", () => {
  assert.equal(isTrackedLongEnough("2025-05-31", NOW, YEAR_MS), true);
  assert.equal(isTrackedLongEnough("2025-06-01", NOW, YEAR_MS), false);
  assert.equal(isTrackedLongEnough("", NOW, YEAR_MS), false);
});
