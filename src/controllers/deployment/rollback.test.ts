import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, ReplicaSet } from "#api/apps/v1/types.gen";
import { planRollback } from "./rollback.ts";

const template = (image: string, hash?: string): NonNullable<ReplicaSet["spec"]>["template"] => ({
  metadata: { labels: { app: "web", ...(hash !== undefined && { "pod-template-hash": hash }) } },
  spec: { containers: [{ name: "c", image }] },
});
const selector = { matchLabels: { app: "web" } };

function deployment(annotations: Readonly<Record<string, string>>): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default", annotations },
    spec: { selector, template: template("v2")! },
  };
}

function replicaSet(image: string, revision: string): ReplicaSet {
  const annotations = { "deployment.kubernetes.io/revision": revision, "kubernetes.io/change-cause": image };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: `web-${image}`, namespace: "default", annotations },
    spec: { selector, template: template(image, image)! },
  };
}

const owned = [replicaSet("v1", "1"), replicaSet("v2", "2")];
const TO = "deprecated.deployment.rollback.to";

for (const [asked, revision] of [
  ["0", 1],
  ["1", 1],
] as const)
  test(`planRollback() to ${asked} takes template and annotations of revision ${revision}`, () => {
    const d = deployment({ [TO]: asked, "kubernetes.io/change-cause": "v2" });
    const { deployment: back, event } = planRollback(d, owned)!;
    assert.deepEqual(back.spec?.template, template("v1"));
    assert.deepEqual(back.metadata.annotations, { "kubernetes.io/change-cause": "v1" });
    assert.deepEqual(event, {
      type: "Normal",
      reason: "DeploymentRollback",
      message: 'Rolled back deployment "web" to revision 1',
    });
  });

const refused = [
  { asked: "7", owned, reason: "DeploymentRollbackRevisionNotFound" },
  { asked: "0", owned: owned.slice(1), reason: "DeploymentRollbackRevisionNotFound" },
  { asked: "2", owned, reason: "DeploymentRollbackTemplateUnchanged" },
];
for (const { asked, owned: sets, reason } of refused)
  test(`planRollback() to ${asked} of ${sets.length} revisions gives up: ${reason}`, () => {
    const d = deployment({ [TO]: asked, a: "b" });
    const { deployment: next, event } = planRollback(d, sets)!;
    assert.deepEqual([event.type, event.reason], ["Warning", reason]);
    assert.deepEqual(next.spec, d.spec);
    assert.deepEqual(next.metadata.annotations, { a: "b" });
  });

test("planRollback() ignores what is no number", () => {
  assert.equal(planRollback(deployment({ [TO]: "x" }), owned), undefined);
  assert.equal(planRollback(deployment({}), owned), undefined);
});
