import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/core/v1/types.gen";
import type { NetworkPolicy } from "#api/networking/v1/types.gen";
import type { KubeObject } from "#apimachinery";
import type { EventHandler, InformerFactory } from "#client";
import { PolicyChanges } from "./policy-changes.ts";

test("PolicyChanges.take() plans only the policies that a changed pod concerns", async () => {
  const { changes, tell } = cluster();
  tell("NetworkPolicy", policy("web", "web"));
  tell("NetworkPolicy", policy("db", "db"));
  assert.deepEqual([...(await changes.take(true)).keys()], ["default/web", "default/db"]);
  const starting = pod("a", "web");
  const running = pod("a", "web", "10.244.0.2");
  tell("Pod", starting);
  assert.deepEqual([...(await changes.take(false)).keys()], []);
  tell("Pod", running);
  const plans = await changes.take(false);
  assert.deepEqual([...plans.keys()], ["default/web"]);
  assert.deepEqual([...plans.get("default/web")!.isolated.ingress], ["10.244.0.2"]);
  tell("Pod", { ...running, metadata: { ...running.metadata, annotations: { a: "b" } } });
  assert.equal((await changes.take(false)).size, 0);
  const failed: Pod = { ...running, status: { ...running.status, phase: "Failed" } };
  tell("Pod", failed);
  assert.equal((await changes.take(false)).get("default/web")!.isolated.ingress.size, 0);
});

test("PolicyChanges.take() plans policies that read namespaces anew when one changes", async () => {
  const { changes, tell } = cluster();
  tell("NetworkPolicy", policy("own", "web"));
  tell("NetworkPolicy", policy("team", "web", [{ namespaceSelector: { matchLabels: { team: "a" } } }]));
  tell("Pod", pod("a", "web", "10.244.0.2"));
  tell("Pod", { ...pod("b", "x", "10.244.1.2"), metadata: { name: "b", namespace: "other" } });
  await changes.take(true);
  tell("Namespace", namespace("other", { team: "a" }));
  const plans = await changes.take(false);
  assert.deepEqual([...plans.keys()], ["default/team"]);
  const sets = [...plans.get("default/team")!.sets.values()];
  assert.deepEqual(
    sets.map(({ elements }) => [...elements]),
    [["10.244.1.2"]],
  );
});

test("PolicyChanges.knownPods() is given while a pod that a policy selects has no address", async () => {
  const { changes, tell } = cluster();
  tell("Pod", pod("old", "x", "10.244.0.9"));
  tell("Pod", pod("other", "x"));
  tell("NetworkPolicy", policy("web", "web"));
  assert.equal(changes.knownPods(), undefined);
  await changes.take(false);
  tell("Pod", pod("a", "web"));
  await changes.next(new AbortController().signal); // at once: the guard must be set
  assert.deepEqual([...changes.knownPods()!], ["10.244.0.9"]);
  tell("Pod", pod("a", "web", "10.244.0.2"));
  assert.equal(changes.knownPods(), undefined);
});

/** What informers would tell, told by hand; the second telling of an object is an update. */
function cluster(): {
  readonly changes: PolicyChanges;
  readonly tell: (kind: string, object: KubeObject) => void;
} {
  const handlers = new Map<string, EventHandler<KubeObject>>();
  const seen = new Map<string, KubeObject>();
  const informers = {
    informer: ({ kind }: { readonly kind: string }) => ({
      addEventHandler: (handler: EventHandler<KubeObject>) => handlers.set(kind, handler),
    }),
  } as unknown as InformerFactory;
  const changes = new PolicyChanges({ informers, nodeName: "n1" });
  return {
    changes,
    tell(kind, object) {
      const key = `${kind} ${object.metadata.name}`;
      const old = seen.get(key);
      seen.set(key, object);
      if (old === undefined) handlers.get(kind)!.onAdd?.(object, false);
      else handlers.get(kind)!.onUpdate?.(object, old);
    },
  };
}

function policy(name: string, app: string, from?: readonly object[]): NetworkPolicy {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, namespace: "default" },
    spec: { podSelector: { matchLabels: { app } }, ...(from && { ingress: [{ from }] }) },
  };
}

function pod(name: string, app: string, podIP?: string): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels: { app } },
    spec: { nodeName: "n1", containers: [] },
    status: podIP === undefined ? { phase: "Pending" } : { phase: "Running", podIP },
  };
}

function namespace(name: string, labels: Readonly<Record<string, string>>): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}
