import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#apimachinery";
import { scheme } from "../scheme.ts";

const NOW_MS = Date.parse("2026-01-02T00:00:00Z");
const metadata = { name: "x", namespace: "d", creationTimestamp: "2026-01-01T00:00:00Z" };

function row(apiVersion: string, kind: string, rest: object): readonly (readonly [string, unknown])[] {
  const object = scheme.applyDefaults<KubeObject>({ apiVersion, kind, metadata, ...rest });
  return scheme.kindOf(object)!.columns.map((column) => [column.name, column.value(object, NOW_MS)]);
}

test("columns of a deployment", () => {
  const spec = {
    replicas: 3,
    selector: { matchLabels: { app: "a" } },
    template: {
      spec: {
        containers: [
          { name: "c", image: "i" },
          { name: "d", image: "j" },
        ],
      },
    },
  };
  assert.deepEqual(row("apps/v1", "Deployment", { spec, status: { readyReplicas: 2, updatedReplicas: 3 } }), [
    ["Name", "x"],
    ["Ready", "2/3"],
    ["Up-to-date", 3],
    ["Available", 0],
    ["Age", "24h"],
    ["Containers", "c,d"],
    ["Images", "i,j"],
    ["Selector", "app=a"],
  ]);
});

test("columns of a service", () => {
  const spec = {
    type: "LoadBalancer",
    clusterIPs: ["10.0.0.1"],
    ports: [
      { port: 80, nodePort: 30_080, protocol: "TCP" },
      { port: 53, protocol: "UDP" },
    ],
    selector: { b: "2", a: "1" },
  };
  assert.deepEqual(row("v1", "Service", { spec }), [
    ["Name", "x"],
    ["Type", "LoadBalancer"],
    ["Cluster-IP", "10.0.0.1"],
    ["External-IP", "<pending>"],
    ["Port(s)", "80:30080/TCP,53/UDP"],
    ["Age", "24h"],
    ["Selector", "a=1,b=2"],
  ]);
});

test("columns of a node", () => {
  const rest = {
    metadata: {
      ...metadata,
      labels: { "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "" },
    },
    spec: { unschedulable: true },
    status: {
      conditions: [{ type: "Ready", status: "True" }],
      addresses: [{ type: "InternalIP", address: "10.0.0.2" }],
      nodeInfo: { kubeletVersion: "v1.36.0", kernelVersion: "6.1", architecture: "amd64" },
    },
  };
  assert.deepEqual(row("v1", "Node", rest), [
    ["Name", "x"],
    ["Status", "Ready,SchedulingDisabled"],
    ["Roles", "control-plane,worker"],
    ["Age", "24h"],
    ["Version", "v1.36.0"],
    ["Internal-IP", "10.0.0.2"],
    ["External-IP", "<none>"],
    ["OS-Image", "<unknown>"],
    ["Kernel-Version", "6.1 (amd64)"],
    ["Container-Runtime", "<unknown>"],
  ]);
});

const endpointsCell = (cells: readonly (readonly [string, unknown])[]): unknown =>
  new Map(cells).get("Endpoints");

test("columns of endpoints and slices stop at three", () => {
  const addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"];
  const subsets = [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ port: 80 }] }];
  assert.equal(
    endpointsCell(row("v1", "Endpoints", { subsets })),
    "10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more...",
  );
  const slice = { addressType: "IPv4", endpoints: [{ addresses }] };
  assert.equal(
    endpointsCell(row("discovery.k8s.io/v1", "EndpointSlice", slice)),
    "10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...",
  );
});

test("columns of an event", () => {
  const rest = {
    involvedObject: { kind: "Pod", name: "p" },
    type: "Warning",
    reason: "BackOff",
    message: "Back-off restarting\n",
    firstTimestamp: "2026-01-01T00:00:00Z",
    lastTimestamp: "2026-01-01T23:59:00Z",
    source: { component: "kubelet", host: "n" },
  };
  assert.deepEqual(row("v1", "Event", rest), [
    ["Last Seen", "60s"],
    ["Type", "Warning"],
    ["Reason", "BackOff"],
    ["Object", "pod/p"],
    ["Subobject", ""],
    ["Source", "kubelet, n"],
    ["Message", "Back-off restarting"],
    ["First Seen", "24h"],
    ["Count", 1],
    ["Name", "x"],
  ]);
});

test("columns of a job and of an autoscaler", () => {
  const job = { spec: { completions: 2 }, status: { succeeded: 1, startTime: "2026-01-01T23:58:00Z" } };
  assert.deepEqual(row("batch/v1", "Job", job).slice(0, 4), [
    ["Name", "x"],
    ["Status", "Running"],
    ["Completions", "1/2"],
    ["Duration", "2m"],
  ]);
  const hpa = {
    spec: {
      scaleTargetRef: { kind: "Deployment", name: "d" },
      maxReplicas: 5,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } },
        },
      ],
    },
  };
  assert.deepEqual(row("autoscaling/v2", "HorizontalPodAutoscaler", hpa).slice(1, 4), [
    ["Reference", "Deployment/d"],
    ["Targets", "cpu: <unknown>/80%"],
    ["MinPods", "1"],
  ]);
});
