import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#apimachinery";
import { Deployments } from "../../../apps/v1/deployment.ts";
import { ResourceClaims } from "../../../resource/v1/resourceclaim.ts";
import { PersistentVolumeClaims } from "../persistentvolumeclaim.ts";
import { Pods } from "../pod.ts";
import { Secrets } from "../secret.ts";
import { Services } from "../service.ts";
import type { Pod, PodSpec, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from "../types.gen.ts";
import { calculateUsage, countName, quotaEvaluator, quotaMatches } from "./index.ts";

const NOW = "2026-01-02T00:00:00Z";
const NOW_MS = Date.parse(NOW);

function pod(spec: Partial<PodSpec> = {}, more: Partial<Pod> = {}): Pod {
  const container = {
    name: "c",
    resources: { requests: { cpu: "100m" }, limits: { cpu: "1", memory: "1Gi" } },
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default" },
    ...more,
    spec: { containers: [container], ...spec },
  };
}

function object(kind: string, spec: object, metadata: object = {}): KubeObject {
  return { apiVersion: "v1", kind, metadata: { name: "x", ...metadata }, spec } as KubeObject;
}

const usages: readonly (readonly [string, () => unknown, Readonly<Record<string, string>>])[] = [
  [
    "a running pod",
    () => quotaEvaluator(Pods).usage(pod(), NOW_MS),
    {
      "count/pods": "1",
      pods: "1",
      cpu: "100m",
      "requests.cpu": "100m",
      "limits.cpu": "1",
      "limits.memory": "1Gi",
    },
  ],
  [
    "a pod that has ended",
    () => quotaEvaluator(Pods).usage(pod({}, { status: { phase: "Failed" } }), NOW_MS),
    { "count/pods": "1" },
  ],
  [
    "a pod that should be gone",
    () => {
      const metadata = { name: "p", deletionTimestamp: NOW, deletionGracePeriodSeconds: 30 };
      return quotaEvaluator(Pods).usage(pod({}, { metadata }), NOW_MS + 30_001);
    },
    { "count/pods": "1" },
  ],
  [
    "a pod with devices and huge pages",
    () => {
      const requests = { "nvidia.com/gpu": "2", "hugepages-2Mi": "4Mi" };
      return quotaEvaluator(Pods).usage(
        pod({ containers: [{ name: "c", resources: { requests } }] }),
        NOW_MS,
      );
    },
    {
      "count/pods": "1",
      pods: "1",
      "hugepages-2Mi": "4Mi",
      "requests.hugepages-2Mi": "4Mi",
      "requests.nvidia.com/gpu": "2",
    },
  ],
  [
    "a load balancer",
    () =>
      quotaEvaluator(Services as never).usage(
        object("Service", { type: "LoadBalancer", ports: [{}, {}] }),
        0,
      ),
    { "count/services": "1", services: "1", "services.nodeports": "2", "services.loadbalancers": "1" },
  ],
  [
    "a claim",
    () => {
      const spec = { storageClassName: "gold", resources: { requests: { storage: "5Gi" } } };
      return quotaEvaluator(PersistentVolumeClaims as never).usage(object("PersistentVolumeClaim", spec), 0);
    },
    {
      "count/persistentvolumeclaims": "1",
      persistentvolumeclaims: "1",
      "requests.storage": "5Gi",
      "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
      "gold.storageclass.storage.k8s.io/requests.storage": "5Gi",
    },
  ],
  [
    "a secret",
    () => quotaEvaluator(Secrets as never).usage(object("Secret", {}), 0),
    { "count/secrets": "1", secrets: "1" },
  ],
  [
    "a pod that is being resized",
    () => quotaEvaluator(Pods).usage(resized("Deferred"), NOW_MS),
    { "count/pods": "1", pods: "1", cpu: "300m", "requests.cpu": "300m", "limits.cpu": "2" },
  ],
  [
    "a pod that cannot be resized",
    () => quotaEvaluator(Pods).usage(resized("Infeasible"), NOW_MS),
    { "count/pods": "1", pods: "1", cpu: "200m", "requests.cpu": "200m", "limits.cpu": "1" },
  ],
  [
    "a claim of devices",
    () => {
      const requests = [
        { name: "a", exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 2 } },
        { name: "b", exactly: { deviceClassName: "nic", allocationMode: "All" } },
        {
          name: "c",
          firstAvailable: [
            { name: "big", deviceClassName: "gpu", allocationMode: "ExactCount", count: 1 },
            { name: "small", deviceClassName: "gpu", allocationMode: "ExactCount", count: 3 },
            { name: "other", deviceClassName: "fpga", allocationMode: "ExactCount", count: 1 },
          ],
        },
      ];
      return quotaEvaluator(ResourceClaims as never).usage(
        object("ResourceClaim", { devices: { requests } }),
        0,
      );
    },
    {
      "count/resourceclaims.resource.k8s.io": "1",
      "gpu.deviceclass.resource.k8s.io/devices": "5",
      "nic.deviceclass.resource.k8s.io/devices": "32",
      "fpga.deviceclass.resource.k8s.io/devices": "1",
      "requests.deviceclass.resource.kubernetes.io/gpu": "5",
      "requests.deviceclass.resource.kubernetes.io/nic": "32",
      "requests.deviceclass.resource.kubernetes.io/fpga": "1",
    },
  ],
];

test("quotaEvaluator() counts devices of a claim as the resource that their class stands for, unless its pod is counted", () => {
  const gpuClass = { metadata: { name: "gpu" }, spec: { extendedResourceName: "example.com/gpu" } };
  const resources = { requests: { "example.com/gpu": "2" }, limits: { "example.com/gpu": "2" } };
  const owner = { ...pod({ containers: [{ name: "c", resources }] }) };
  const isExtended = { "resource.kubernetes.io/extended-resource-claim": "true" };
  const claims = [ownedClaim("a", isExtended), ownedClaim("b", isExtended), ownedClaim("own", {})];
  const evaluator = quotaEvaluator(ResourceClaims, {
    classes: () => [gpuClass as never],
    pod: () => ({ ...owner, metadata: { ...owner.metadata, uid: "u" } }),
    claims: () => claims as never,
  });
  const names = ["requests.example.com/gpu", "requests.deviceclass.resource.kubernetes.io/gpu"];
  assert.deepEqual(evaluator.matchingResources([...names, "requests.example.com/fpga", "cpu"]), names);
  const used = claims.map((claim) => evaluator.usage(claim as never, 0));
  const counts = (name: string) => used.map((usage) => usage[name]);
  assert.deepEqual(counts("requests.example.com/gpu"), ["1", "3", "3"]);
  assert.deepEqual(counts("requests.deviceclass.resource.kubernetes.io/gpu"), ["3", "3", "3"]);
  assert.deepEqual(counts("gpu.deviceclass.resource.k8s.io/devices"), ["3", "3", "3"]);
});

/** Asks for more than it was granted. */
function resized(reason: string): Pod {
  const resources = { requests: { cpu: "300m" }, limits: { cpu: "2" } };
  const had = { requests: { cpu: "100m" }, limits: { cpu: "1" } };
  const state = { name: "c", ready: true, restartCount: 0, image: "", imageID: "" };
  return pod(
    { containers: [{ name: "c", resources }] },
    {
      status: {
        conditions: [{ type: "PodResizePending", status: "True", reason }],
        containerStatuses: [{ ...state, resources: had, allocatedResources: { cpu: "200m" } }],
      },
    },
  );
}

for (const [name, usage, want] of usages) {
  test(`usage() of ${name}`, () => assert.deepEqual(usage(), want));
}

test("countName() names the group of kinds outside the core", () => {
  assert.equal(countName(Deployments), "count/deployments.apps");
});

const crossing = {
  podAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "zone", namespaces: ["other"] }],
  },
};
const bare = { containers: [{ name: "c" }] };
const scopes: readonly {
  readonly scope: ScopedResourceSelectorRequirement;
  readonly covers: Partial<PodSpec>;
  readonly leavesOut: Partial<PodSpec>;
}[] = [
  {
    scope: { scopeName: "Terminating", operator: "Exists" },
    covers: { activeDeadlineSeconds: 1 },
    leavesOut: {},
  },
  {
    scope: { scopeName: "NotTerminating", operator: "Exists" },
    covers: {},
    leavesOut: { activeDeadlineSeconds: 1 },
  },
  { scope: { scopeName: "BestEffort", operator: "Exists" }, covers: bare, leavesOut: {} },
  { scope: { scopeName: "NotBestEffort", operator: "Exists" }, covers: {}, leavesOut: bare },
  {
    scope: { scopeName: "PriorityClass", operator: "In", values: ["high"] },
    covers: { priorityClassName: "high" },
    leavesOut: { priorityClassName: "low" },
  },
  {
    scope: { scopeName: "PriorityClass", operator: "NotIn", values: ["high"] },
    covers: {},
    leavesOut: { priorityClassName: "high" },
  },
  {
    scope: { scopeName: "CrossNamespacePodAffinity", operator: "Exists" },
    covers: { affinity: crossing },
    leavesOut: {},
  },
];

for (const { scope, covers, leavesOut } of scopes) {
  test(`quotaMatches() by scope ${scope.scopeName} ${scope.operator}`, () => {
    const spec: ResourceQuotaSpec = { hard: { pods: "1" }, scopeSelector: { matchExpressions: [scope] } };
    const evaluator = quotaEvaluator(Pods);
    const found = [covers, leavesOut].map((own) => quotaMatches(evaluator, spec, pod(own)));
    assert.deepEqual(found, [true, false]);
  });
}

test("constraints() names the containers that do not say what they need", () => {
  const containers = [{ name: "b" }, { name: "a", resources: { requests: { cpu: "1" } } }];
  const message = quotaEvaluator(Pods).constraints(
    ["requests.cpu", "limits.memory", "pods"],
    pod({ containers }),
  );
  assert.equal(message, "must specify limits.memory for: a,b; requests.cpu for: b");
  const resources = { requests: { cpu: "1" } };
  assert.equal(quotaEvaluator(Pods).constraints(["requests.cpu"], pod({ containers, resources })), undefined);
});

test("calculateUsage() adds up what is bounded, and starts at zero", () => {
  const hard = { cpu: "1", pods: "5", "count/secrets": "3", "unknown/thing": "1" };
  const sources = [
    {
      evaluator: quotaEvaluator(Pods) as never,
      objects: () => [pod(), pod(), pod({}, { status: { phase: "Failed" } })],
    },
    { evaluator: quotaEvaluator(Secrets as never), objects: () => [] },
  ];
  assert.deepEqual(calculateUsage({ hard }, sources, NOW_MS), {
    cpu: "200m",
    pods: "2",
    "count/secrets": "0",
  });
});

/** Three devices, in a claim that the pod owns. */
function ownedClaim(name: string, annotations: Readonly<Record<string, string>>) {
  return {
    ...object("ResourceClaim", {
      devices: {
        requests: [
          { name: "r", exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 3 } },
        ],
      },
    }),
    metadata: {
      name,
      namespace: "default",
      annotations,
      ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p", uid: "u", controller: true }],
    },
  };
}
