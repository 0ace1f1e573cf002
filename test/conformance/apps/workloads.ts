/** The workloads that these tests make, and pods whose readiness the test itself decides. @module */
import { Pods } from "#api/core/v1/pod";
import type { Container, Pod, PodSpec, PodTemplateSpec } from "#api/core/v1/types.gen";
import type { DaemonSet, DaemonSetSpec, Deployment, DeploymentSpec } from "#api/apps/v1/types.gen";
import type { ReplicaSet, StatefulSet, StatefulSetSpec } from "#api/apps/v1/types.gen";
import type { Job, JobSpec } from "#api/batch/v1/types.gen";
import { CONTAINER, type ConformanceContext } from "../harness/index.ts";

export type Labels = Readonly<Record<string, string>>;

/** Another image than `CONTAINER`'s. */
export const NEXT_CONTAINER: Container = { ...CONTAINER, image: "registry.example.com/main:2" };

const GATE = "example.com/decided-by-test";
/** A pod of such a spec becomes Ready by `setReady` and not before. */
export const GATED: PodSpec = { containers: [CONTAINER], readinessGates: [{ conditionType: GATE }] };

/** As a readiness probe would: the pod is Ready, or not any longer. */
export async function setReady(t: ConformanceContext, name: string, isReady: boolean): Promise<void> {
  const condition = { type: GATE, status: isReady ? "True" : "False" };
  const patch = { type: "strategic", body: { status: { conditions: [condition] } } } as const;
  const ref = { namespace: t.namespace, name };
  await t.client.patch(Pods, ref, patch, t.signal, { subresource: "status" });
  await t.waitFor(Pods, ref, (pod) => pod !== undefined && isPodReady(pod) === isReady);
}

export function isPodReady({ status }: Pod): boolean {
  return (status?.conditions ?? []).some((one) => one.type === "Ready" && one.status === "True");
}

export function isControlledBy({ metadata }: Pod, uid: string | undefined): boolean {
  return (metadata.ownerReferences ?? []).some((owner) => owner.controller === true && owner.uid === uid);
}

export function hasTrue(
  conditions: readonly { readonly type: string; readonly status: string }[] | undefined,
  type: string,
): boolean {
  return (conditions ?? []).some((one) => one.type === type && one.status === "True");
}

/** The reason that the Job's condition gives; undefined while it is not true. */
export function whyEnded({ status }: Job, type: string): string | undefined {
  return status?.conditions?.find((one) => one.type === type && one.status === "True")?.reason;
}

/** In place of all that the pod has. */
export async function setLabels(t: ConformanceContext, name: string, labels: Labels): Promise<void> {
  const body = [{ op: "add", path: "/metadata/labels", value: labels }];
  await t.client.patch(Pods, { namespace: t.namespace, name }, { type: "json", body }, t.signal);
}

export function podTemplate(labels: Labels, spec: PodSpec = { containers: [CONTAINER] }): PodTemplateSpec {
  return { metadata: { labels }, spec };
}

function metadataOf(t: ConformanceContext, name: string): Pod["metadata"] {
  return { name, namespace: t.namespace, labels: { app: name } };
}

/** Like all below: its pods bear the label `app=<name>`. */
export function newReplicaSet(
  t: ConformanceContext,
  name: string,
  replicas: number,
  spec?: PodSpec,
): ReplicaSet {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: metadataOf(t, name),
    spec: { replicas, selector: { matchLabels: labels }, template: podTemplate(labels, spec) },
  };
}

export function deploymentOf(
  t: ConformanceContext,
  name: string,
  spec: Partial<DeploymentSpec>,
  podSpec?: PodSpec,
): Deployment {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadataOf(t, name),
    spec: { selector: { matchLabels: labels }, template: podTemplate(labels, podSpec), ...spec },
  };
}

export function newStatefulSet(
  t: ConformanceContext,
  name: string,
  spec: Partial<StatefulSetSpec>,
  podSpec?: PodSpec,
): StatefulSet {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: metadataOf(t, name),
    spec: {
      serviceName: name,
      selector: { matchLabels: labels },
      template: podTemplate(labels, podSpec),
      ...spec,
    },
  };
}

export function newDaemonSet(
  t: ConformanceContext,
  name: string,
  spec: Partial<DaemonSetSpec> = {},
  podSpec?: PodSpec,
): DaemonSet {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: metadataOf(t, name),
    spec: { selector: { matchLabels: labels }, template: podTemplate(labels, podSpec), ...spec },
  };
}

/** Its pods run `command` and are not restarted in place; without a command they run on. */
export function newJob(
  t: ConformanceContext,
  name: string,
  command: readonly string[],
  spec: Partial<JobSpec>,
): Job {
  const container = command.length === 0 ? CONTAINER : { ...CONTAINER, command };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: metadataOf(t, name),
    spec: { template: { spec: { restartPolicy: "Never", containers: [container] } }, ...spec },
  };
}
