/** Pods whose containers do what a test is about, and what became of them. @module */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import type { Container, ContainerStatus, Pod, PodSpec } from "#api/core/v1/types.gen";
import { WEB_IMAGE, type ContainersContext } from "../harness/index.ts";

/** In the shell of the image. */
export function sh(name: string, script: string, more: Partial<Container> = {}): Container {
  return { name, image: WEB_IMAGE, command: ["sh", "-c", script], ...more };
}

/** It ends as soon as it is told to: the first process of a container ignores signals that it does not handle. */
export function idle(name: string, more: Partial<Container> = {}): Container {
  return sh(name, "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done", more);
}

export function podOf(
  t: ContainersContext,
  name: string,
  spec: PodSpec,
  metadata: Partial<Pod["metadata"]> = {},
): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...metadata, name, namespace: t.namespace },
    spec: { terminationGracePeriodSeconds: 1, automountServiceAccountToken: false, ...spec },
  };
}

export function createPod(
  t: ContainersContext,
  name: string,
  spec: PodSpec,
  metadata?: Partial<Pod["metadata"]>,
): Promise<Pod> {
  return t.client.create(Pods, podOf(t, name, spec, metadata), t.signal);
}

export function isReady({ status }: Pod): boolean {
  return (status?.conditions ?? []).some((one) => one.type === "Ready" && one.status === "True");
}

export function untilReady(t: ContainersContext, name: string): Promise<Pod> {
  return t.waitFor(Pods, { namespace: t.namespace, name }, (pod) => pod !== undefined && isReady(pod));
}

/** Resolves once the pod has ended; fails when it ended in the other way. */
export async function untilEnded(
  t: ContainersContext,
  name: string,
  phase: "Succeeded" | "Failed",
): Promise<Pod> {
  const pod = await t.waitFor(Pods, { namespace: t.namespace, name }, (now) =>
    /Succeeded|Failed/.test(now?.status?.phase ?? ""),
  );
  assert.equal(pod.status?.phase, phase, JSON.stringify(pod.status?.containerStatuses));
  return pod;
}

/** Of a regular, init or ephemeral container. */
export function statusOf({ status }: Pod, container: string): ContainerStatus {
  const {
    containerStatuses = [],
    initContainerStatuses = [],
    ephemeralContainerStatuses = [],
  } = status ?? {};
  const all = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
  const found = all.find(({ name }) => name === container);
  assert.ok(found, `no status of container ${container}: ${JSON.stringify(status)}`);
  return found;
}

/** Standard output of a shell script in a container that runs. */
export function inside(
  t: ContainersContext,
  pod: string,
  container: string,
  script: string,
): Promise<string> {
  return t.kubectl("exec", pod, "-c", container, "--", "sh", "-c", script);
}
