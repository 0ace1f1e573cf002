/** Objects that come, or come and go, while pods are measured; upstream's `churn`. @module */
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import { systemClock, type ObjectMeta } from "#apimachinery";
import type { Client } from "#client";
import { newPod } from "./pod-template.ts";
import type { Churn } from "./workload.ts";

const NAMESPACE = "sched-0";

/** Until `signal` aborts. */
export async function churn(
  client: Client,
  { mode, intervalMs, pod: template, withOthers = false }: Churn,
  signal: AbortSignal,
): Promise<void> {
  const { signal: own } = new AbortController();
  const startMs = systemClock.monotonicMs();
  for (let i = 0; !signal.aborted; i++) {
    const pod = newPod({ ...template, generateName: `churn-${template.generateName}` }, i, NAMESPACE);
    if (withOthers) await createOthers(client, i, own);
    await client.create(Pods, pod, own);
    // by the clock of the first: a slow round does not put the others off
    await pause(startMs + (i + 1) * intervalMs - systemClock.monotonicMs(), signal);
    if (mode === "create") continue;
    await client.delete(Pods, pod.metadata, own);
    if (!withOthers) continue;
    await client.delete(Services, serviceMeta(i), own);
    await client.delete(Nodes, { name: `node-churn-${i}` }, own);
  }
}

async function createOthers(client: Client, i: number, signal: AbortSignal): Promise<void> {
  const conditions = [{ type: "Ready", status: "True" }];
  const status = { capacity: { pods: "0" }, conditions, phase: "Running" };
  const metadata = { name: `node-churn-${i}` };
  await client.create(Nodes, { apiVersion: "v1", kind: "Node", metadata, status }, signal);
  const ports = [{ protocol: "TCP", port: 8080, targetPort: 8080 }];
  const spec = { selector: { app: "foo" }, ports };
  await client.create(
    Services,
    { apiVersion: "v1", kind: "Service", metadata: serviceMeta(i), spec },
    signal,
  );
}

function serviceMeta(i: number): ObjectMeta {
  return { name: `service-churn-${i}`, namespace: NAMESPACE };
}

/** Deletes the first pods in turn, so many in a second, until none is left or `signal` aborts. */
export async function deletePods(
  client: Client,
  names: readonly string[],
  namespace: string,
  perSecond: number,
  signal: AbortSignal,
): Promise<void> {
  const { signal: own } = new AbortController();
  const startMs = systemClock.monotonicMs();
  for (const [i, name] of names.entries()) {
    if (signal.aborted) return;
    await client.delete(Pods, { name, namespace }, own);
    await pause(startMs + ((i + 1) * 1_000) / perSecond - systemClock.monotonicMs(), signal);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = systemClock.after(Math.max(0, ms), resolve);
    signal.addEventListener("abort", () => (timer.cancel(), resolve()), { once: true });
  });
}
