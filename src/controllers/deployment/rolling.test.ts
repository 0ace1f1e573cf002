import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, ReplicaSet } from "#api/apps/v1/types.gen";
import { Draft } from "./replica-sets.ts";
import { rollForward } from "./rolling.ts";

const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image: "v" }] } };
const selector = { matchLabels: { app: "web" } };
const web: Deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "default" },
  spec: {
    replicas: 3,
    selector,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 2, maxUnavailable: 2 } },
    template,
  },
};

function draft(name: string, replicas: number, availableReplicas: number): Draft {
  const set: ReplicaSet = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name, namespace: "default" },
    spec: { replicas, selector, template },
    status: { replicas: availableReplicas, availableReplicas },
  };
  return new Draft(set, set);
}

test("rollForward() does not count pods that a set was asked to give up and has not said yet are gone", () => {
  const [gone, old, current] = [draft("web-1", 0, 1), draft("web-2", 2, 2), draft("web-3", 3, 0)];
  assert.equal(rollForward(web, current, [gone, old]), "scaled");
  assert.equal(old.replicas, 1, "one of three pods must be available");
});
