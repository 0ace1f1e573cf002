/** Small objects for the tests of controllers. @module */
import type { Deployment, ReplicaSet } from "#api/apps/v1/types.gen";
import type { Node, Pod, PodCondition, Service } from "#api/core/v1/types.gen";

/** 2026-01-02T00:00:00Z; the time at which tests begin. */
export const START_MS: number = Date.UTC(2026, 0, 2);
export const START = "2026-01-02T00:00:00Z";

export interface PodOptions {
  readonly phase?: string;
  readonly ready?: boolean;
  readonly readySince?: string;
  readonly node?: string;
  readonly ip?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Partial<NonNullable<Pod["spec"]>>;
  readonly metadata?: Partial<Pod["metadata"]>;
  readonly status?: Partial<NonNullable<Pod["status"]>>;
}

export function newPod(name: string, options: PodOptions = {}): Pod {
  const { phase = "Running", ready = true, readySince = START, node, ip, labels = { app: "web" } } = options;
  const condition: PodCondition = {
    type: "Ready",
    status: ready ? "True" : "False",
    lastTransitionTime: readySince,
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      uid: `uid-${name}`,
      labels,
      creationTimestamp: START,
      ...options.metadata,
    },
    spec: { containers: [], ...(node !== undefined && { nodeName: node }), ...options.spec },
    status: {
      phase,
      conditions: [condition],
      ...(ip !== undefined && { podIP: ip, podIPs: [{ ip }] }),
      ...options.status,
    },
  };
}

export function newReplicaSet(
  name: string,
  replicas: number,
  spec: Partial<NonNullable<ReplicaSet["spec"]>> = {},
): ReplicaSet {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name, namespace: "default", uid: `uid-${name}`, generation: 1, creationTimestamp: START },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [] } },
      ...spec,
    },
  };
}

export function newDeployment(name: string, spec: Partial<NonNullable<Deployment["spec"]>> = {}): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default", uid: `uid-${name}`, generation: 1, creationTimestamp: START },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name, image: "v1" }] },
      },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      ...spec,
    },
  };
}

export function newNode(
  name: string,
  ready: "True" | "False" | "Unknown" = "True",
  node: Partial<Node> = {},
): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    ...node,
    metadata: { name, uid: `uid-${name}`, creationTimestamp: START, ...node.metadata },
    status: {
      conditions: [{ type: "Ready", status: ready, lastHeartbeatTime: START, lastTransitionTime: START }],
      ...node.status,
    },
  };
}

export function newService(name: string, spec: Partial<NonNullable<Service["spec"]>> = {}): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default", uid: `uid-${name}`, creationTimestamp: START },
    spec: {
      selector: { app: "web" },
      clusterIP: "10.0.0.1",
      ipFamilies: ["IPv4"],
      ports: [{ port: 80, protocol: "TCP", targetPort: 8080 }],
      ...spec,
    },
  };
}
