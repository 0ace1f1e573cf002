import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "./compiled-policy.ts";
import { plan, type PolicyPlan } from "./plan.ts";
import type { PolicyPod } from "./policy-pod.ts";
import { PolicyTable } from "./policy-table.ts";

const never = new AbortController().signal;

test("PolicyTable.commit() replaces the table once, then sends elements only", async () => {
  const { table, scripts } = recorder();
  await table.commit(new Map([["default/p", planOf("10.244.0.2", "10.244.1.1")]]), undefined, never);
  assert.match(scripts[0]!, /^add table ip k8ts-policy\ndelete table ip k8ts-policy\n/);
  await table.commit(
    new Map([["default/p", planOf("10.244.0.2", "10.244.1.1", "10.244.1.2")]]),
    undefined,
    never,
  );
  assert.match(scripts[1]!, /^add element ip k8ts-policy ingress-\w+-0-peers \{ 10\.244\.1\.2 \}\n$/);
  await table.commit(
    new Map([["default/p", planOf("10.244.0.3", "10.244.1.1", "10.244.1.2")]]),
    undefined,
    never,
  );
  assert.deepEqual(
    scripts[2]!
      .trim()
      .split("\n")
      .map((line) => line.replaceAll(/-?[0-9a-f]{16}/g, "")),
    [
      "delete element ip k8ts-policy ingress-pods { 10.244.0.2 }",
      "delete element ip k8ts-policy own-traffic { 10.244.0.2 . 10.244.0.2 }",
      "add element ip k8ts-policy ingress-pods { 10.244.0.3 : goto pods-ingress }",
      "add element ip k8ts-policy own-traffic { 10.244.0.3 . 10.244.0.3 }",
    ],
  );
  await table.commit(
    new Map([["default/p", planOf("10.244.0.3", "10.244.1.1", "10.244.1.2")]]),
    undefined,
    never,
  );
  assert.equal(scripts.length, 3);
});

test("PolicyTable.commit() is damaged by a refusal and writes the whole table next", async () => {
  const { table, scripts, refuse } = recorder();
  const plans = new Map([["default/p", planOf("10.244.0.2", "10.244.1.1")]]);
  await table.commit(plans, undefined, never);
  assert.equal(table.isDamaged, false);
  refuse();
  await assert.rejects(
    table.commit(new Map([["default/p", planOf("10.244.0.4")]]), undefined, never),
    /refused/,
  );
  assert.equal(table.isDamaged, true);
  await table.commit(plans, undefined, never);
  assert.equal(scripts.at(-1), scripts[0]);
});

/** A policy that lets `peers` call a pod of this node. */
function planOf(selected: string, ...peers: readonly string[]): PolicyPlan {
  const pods = new Map([
    podAt("web", selected, "web", true),
    ...peers.map((ip) => podAt(ip, ip, "client", false)),
  ]);
  const policy = compile({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "p", namespace: "default" },
    spec: {
      podSelector: { matchLabels: { app: "web" } },
      ingress: [{ from: [{ podSelector: { matchLabels: { app: "client" } } }] }],
    },
  });
  return plan(policy, { namespaces: new Map([["default", {}]]), pods: new Map([["default", pods]]) });
}

function podAt(name: string, ip: string, app: string, isLocal: boolean): readonly [string, PolicyPod] {
  const labels = { app };
  return [name, { namespace: "default", name, labels, ip, isLocal, isHostNetwork: false, namedPorts: [] }];
}

function recorder(): {
  readonly table: PolicyTable;
  readonly scripts: string[];
  readonly refuse: () => void;
} {
  const scripts: string[] = [];
  let refuses = false;
  const table = new PolicyTable({
    nft: (script) => {
      if (refuses) {
        refuses = false;
        return Promise.reject(new Error("refused"));
      }
      scripts.push(script);
      return Promise.resolve();
    },
  });
  return { table, scripts, refuse: () => (refuses = true) };
}
