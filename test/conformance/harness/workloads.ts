/** Small workloads for tests that are not about what their containers do. @module */
import type { Deployment } from "#api/apps/v1/types.gen";
import type { Container, Pod, PodTemplateSpec, ReplicationController } from "#api/core/v1/types.gen";
import type { ConformanceContext } from "./context.ts";

/** Any image does where nothing runs. */
export const CONTAINER: Container = { name: "main", image: "registry.example.com/main:1" };

export function newPod(t: ConformanceContext, name: string, metadata: Partial<Pod["metadata"]> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...metadata, name, namespace: t.namespace },
    spec: { containers: [CONTAINER] },
  };
}

function template(name: string): PodTemplateSpec {
  return { metadata: { name: "", labels: { app: name } }, spec: { containers: [CONTAINER] } };
}

/** Its pods bear the label `app=<name>`. */
export function newReplicationController(
  t: ConformanceContext,
  name: string,
  replicas: number,
): ReplicationController {
  return {
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name, namespace: t.namespace },
    spec: { replicas, selector: { app: name }, template: template(name) },
  };
}

/** Its pods bear the label `app=<name>`. */
export function newDeployment(t: ConformanceContext, name: string, replicas: number): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: t.namespace, labels: { app: name } },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name) },
  };
}
