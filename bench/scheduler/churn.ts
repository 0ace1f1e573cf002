/** Objects that come and go while pods are measured: a node, a service, and a pod that is important and too large. @module */
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import { systemClock } from "#apimachinery";
import type { Client } from "#client";
import { newPod } from "./workloads.ts";

/** Between two rounds, as upstream's `churn` has it. */
const PERIOD_MS = 1_000;

/** Until `signal` aborts. */
export async function churn(client: Client, signal: AbortSignal): Promise<void> {
  const large = { generateName: "churn-pod-", cpu: "9", spec: { priority: 10 } };
  const { signal: own } = new AbortController();
  for (let i = 0; !signal.aborted; i++) {
    const name = `churn-${i}`;
    const metadata = { name, namespace: "sched-0" };
    const ports = [{ protocol: "TCP", port: 80, targetPort: 9376 }];
    const pod = newPod(large, i, "sched-0");
    await client.create(Nodes, { apiVersion: "v1", kind: "Node", metadata: { name } }, own);
    await client.create(
      Services,
      { apiVersion: "v1", kind: "Service", metadata, spec: { selector: { app: "foo" }, ports } },
      own,
    );
    await client.create(Pods, pod, own);
    await new Promise<void>((resolve) => {
      const timer = systemClock.after(PERIOD_MS, resolve);
      signal.addEventListener("abort", () => (timer.cancel(), resolve()), { once: true });
    });
    await client.delete(Pods, pod.metadata, own);
    await client.delete(Services, metadata, own);
    await client.delete(Nodes, { name }, own);
  }
}
