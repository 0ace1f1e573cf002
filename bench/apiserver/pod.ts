/** A pod as a Deployment makes it, 1.5 KB as sent and 3 KB as stored. @module */

export const podPath = "/api/v1/namespaces/default/pods";

export function podJson(name: string): string {
  const probe = { httpGet: { path: "/healthz", port: 8080 }, initialDelaySeconds: 5, periodSeconds: 10 };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      labels: { app: "web", "pod-template-hash": "5d4f8c7b9", tier: "frontend" },
      annotations: { "example.com/commit": "3f2a9c1d7e", "example.com/owner": "team-web" },
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "ReplicaSet",
          name: "web-5d4f8c7b9",
          uid: "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      containers: [
        {
          name: "web",
          image: "registry.example.com/team/web:1.24.3",
          ports: [{ containerPort: 8080, name: "http" }],
          env: [
            { name: "LOG_LEVEL", value: "info" },
            { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
            { name: "DATABASE_URL", valueFrom: { secretKeyRef: { name: "db", key: "url" } } },
          ],
          resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
          livenessProbe: probe,
          readinessProbe: probe,
          volumeMounts: [{ name: "config", mountPath: "/etc/web" }],
        },
      ],
      volumes: [{ name: "config", configMap: { name: "web" } }],
    },
  });
}

/** What a kubelet says of pod number `i`, before and when it runs. */
export function statusOf(i: number, isReady: boolean): object {
  const podIP = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  const at = "2026-01-01T00:00:00Z";
  const types = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
  const status = isReady ? "True" : "False";
  return {
    status: {
      phase: isReady ? "Running" : "Pending",
      podIP,
      podIPs: [{ ip: podIP }],
      hostIP: "10.0.0.1",
      startTime: at,
      conditions: types.map((type) => ({ type, status, lastTransitionTime: at, observedGeneration: 1 })),
      containerStatuses: [
        {
          name: "web",
          state: isReady ? { running: { startedAt: at } } : { waiting: { reason: "ContainerCreating" } },
          lastState: {},
          ready: isReady,
          started: isReady,
          restartCount: 0,
          image: "registry.example.com/team/web:1.24.3",
          imageID: `registry.example.com/team/web@sha256:${"0123456789abcdef".repeat(4)}`,
          ...(isReady && { containerID: `containerd://${String(i).padStart(64, "0")}` }),
        },
      ],
    },
  };
}

/** A node that has room for a hundred of them. */
export function nodeOf(i: number): object {
  const name = `node-${i}`;
  const capacity = { cpu: "64", memory: "512Gi", pods: "110" };
  return {
    metadata: { name, labels: { "kubernetes.io/hostname": name } },
    status: {
      capacity,
      allocatable: capacity,
      conditions: [{ type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is ready" }],
    },
  };
}
