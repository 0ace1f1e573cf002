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
