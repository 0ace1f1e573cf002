/** Pods that answer requests with their own name, and asking each of them. @module */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import type { PodSpec } from "#api/core/v1/types.gen";
import { WEB_IMAGE, type ContainersContext } from "../harness/index.ts";
import { isPodReady } from "./workloads.ts";

export function servingPod(): PodSpec {
  const readinessProbe = { tcpSocket: { port: 80 }, periodSeconds: 1 };
  return {
    containers: [{ name: "main", image: WEB_IMAGE, ports: [{ containerPort: 80 }], readinessProbe }],
    terminationGracePeriodSeconds: 1,
  };
}

/** `count` pods with `app=<name>` are Ready, and each of them answers for itself. */
export async function expectServed(t: ContainersContext, name: string, count: number): Promise<void> {
  const pods = await t.untilList(`${count} ready pods of ${name}`, Pods, (all) => {
    const ours = all.filter((pod) => pod.metadata.labels?.["app"] === name && isPodReady(pod));
    return ours.length === count && ours;
  });
  for (const { metadata } of pods) {
    const answer = await t.http({
      path: `/api/v1/namespaces/${t.namespace}/pods/${metadata.name}:80/proxy/`,
    });
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.text, new RegExp(`^Hello from ${metadata.name}, `));
  }
}
