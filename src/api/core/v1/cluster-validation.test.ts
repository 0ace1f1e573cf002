import assert from "node:assert/strict";
import { test } from "node:test";
import { scheme } from "../../scheme.ts";
import { Endpoints } from "./endpoints.ts";
import { LimitRanges } from "./limitrange.ts";
import { Namespaces } from "./namespace.ts";
import { Nodes } from "./node.ts";
import { ReplicationControllers } from "./replicationcontroller.ts";
import { ResourceQuotas } from "./resourcequota.ts";
import { Secrets } from "./secret.ts";
import { ServiceAccounts } from "./serviceaccount.ts";
import type * as core from "./types.gen.ts";

type Loose = Readonly<Record<string, unknown>>;

const show = (
  causes: readonly { readonly field: string; readonly message: string }[] = [],
): readonly string[] => causes.map((c) => `${c.field}: ${c.message}`);

function object(kind: string, rest: Loose): never {
  const given = { apiVersion: "v1", kind, metadata: { name: "x", namespace: "d" }, ...rest };
  return scheme.applyDefaults(given) as never;
}

test("Nodes.validate names all that is wrong with a node", () => {
  const taint = { key: "a", effect: "NoSchedule" };
  const node: core.Node = object("Node", {
    spec: { taints: [taint, taint], podCIDRs: ["10.0.0.0/24", "10.0.1.0/24"] },
    status: { capacity: { pods: "1500m" }, declaredFeatures: ["b", "A"] },
  });
  assert.deepEqual(show(Nodes.validate!(node)), [
    'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
    'status.capacity.pods: Invalid value: "1500m": must be an integer',
    'status.allocatable.pods: Invalid value: "1500m": must be an integer',
    `status.declaredFeatures[0]: Invalid value: "b": invalid feature name "b": must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`,
    'status.declaredFeatures[1]: Invalid value: "A": list must be sorted alphabetically',
    'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one CIDR for each IP family',
  ]);
});

test("Nodes.validate keeps what is set once", () => {
  const old: core.Node = object("Node", {
    spec: { podCIDRs: ["10.0.0.0/24"], providerID: "a", externalID: "e" },
  });
  const now: core.Node = object("Node", { spec: { podCIDRs: ["10.0.1.0/24"], providerID: "b" } });
  assert.deepEqual(show(Nodes.validate!(now, old)), [
    'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
    'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
    "spec.externalID: Forbidden: may not be updated",
  ]);
});

test("Nodes.strategy drops configuration sources, and warns of what is gone", () => {
  const node: core.Node = object("Node", { spec: { configSource: {}, externalID: "e" } });
  assert.equal(Nodes.strategy!.prepareForCreate!(node).spec?.configSource, undefined);
  assert.deepEqual(Nodes.strategy!.warnings!(node, undefined, ""), [
    "spec.configSource: the feature is removed",
    "spec.externalID: this field is deprecated, and is unused by Kubernetes",
  ]);
});

test("ResourceQuotas.validate judges scopes, and what they may bound", () => {
  const quota: core.ResourceQuota = object("ResourceQuota", {
    spec: {
      hard: { cpu: "1", pods: "1500m", "odd name": "1" },
      scopes: ["BestEffort", "NotBestEffort"],
      scopeSelector: { matchExpressions: [{ scopeName: "Terminating", operator: "In" }] },
    },
  });
  assert.deepEqual(
    show(ResourceQuotas.validate!(quota)).map((line) => line.replace(/: \[.*\]:/, ":")),
    [
      'spec.hard[pods]: Invalid value: "1500m": must be an integer',
      "spec.hard[odd name]: Invalid value: \"odd name\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'spec.hard[odd name]: Invalid value: "odd name": must be a standard resource for quota',
      "spec.scopes: Invalid value: unsupported scope applied to resource",
      "spec.scopes: Invalid value: conflicting scopes",
      `spec.scopeSelector.matchExpressions.operator: Invalid value: "In": must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity`,
      "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
    ],
  );
});

test("ResourceQuotas.strategy warns of requests above limits", () => {
  const hard = { cpu: "2", "limits.cpu": "1" };
  const quota: core.ResourceQuota = object("ResourceQuota", { spec: { hard } });
  assert.deepEqual(ResourceQuotas.strategy!.warnings!(quota, undefined, ""), [
    "ResourceQuota cpu (2) should be less than limits.cpu (1)",
  ]);
});

test("LimitRanges.validate puts bounds in order, resource by resource", () => {
  const range: core.LimitRange = object("LimitRange", {
    spec: {
      limits: [
        {
          type: "Container",
          max: { cpu: "1" },
          min: { cpu: "2" },
          default: { cpu: "3" },
          defaultRequest: { cpu: "4" },
          maxLimitRequestRatio: { cpu: "500m" },
        },
        { type: "PersistentVolumeClaim" },
        { type: "Pod", default: { cpu: "1" } },
      ],
    },
  });
  const first = "spec.limits[0]";
  assert.deepEqual(show(LimitRanges.validate!(range)), [
    `${first}.min[cpu]: Invalid value: "2": min value 2 is greater than max value 1`,
    `${first}.defaultRequest[cpu]: Invalid value: "4": default request value 4 is greater than max value 1`,
    `${first}.defaultRequest[cpu]: Invalid value: "4": default request value 4 is greater than default limit value 3`,
    `${first}.default[cpu]: Invalid value: "1": default value 3 is greater than max value 1`,
    `${first}.maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1`,
    "spec.limits[1].limits: Required value: either minimum or maximum storage value is required, but neither was provided",
    "spec.limits[2].default: Forbidden: may not be specified when `type` is 'Pod'",
  ]);
});

test("LimitRanges.validate takes a resource that is called as something every object has", () => {
  const limits = [{ type: "Pod", min: { "a.b/constructor": "1", constructor: "1" } }];
  const range: core.LimitRange = object("LimitRange", { spec: { limits } });
  assert.deepEqual(show(LimitRanges.validate!(range)), [
    'spec.limits[0].min[constructor]: Invalid value: "constructor": must be a standard resource type or fully qualified',
    'spec.limits[0].min[constructor]: Invalid value: "constructor": must be a standard resource for containers',
  ]);
});

test("Namespaces.validateSubresource judges the finalizers that are left", () => {
  const namespace: core.Namespace = object("Namespace", { spec: { finalizers: ["kubernetes", "odd"] } });
  assert.deepEqual(show(Namespaces.validateSubresource!["finalize"]!(namespace, namespace)), [
    'spec.finalizers[1]: Invalid value: "odd": name is neither a standard finalizer name nor is it fully qualified',
  ]);
});

test("Endpoints.validate lets unchanged subsets be", () => {
  const endpoints: core.Endpoints = object("Endpoints", { subsets: [{ addresses: [{ ip: "127.0.0.1" }] }] });
  assert.deepEqual(show(Endpoints.validate!(endpoints)), [
    'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ]);
  assert.deepEqual(Endpoints.validate!(endpoints, endpoints), []);
});

test("Secrets.strategy warns of certificates that are none", () => {
  const data = { "tls.crt": btoa("-----BEGIN CERTIFICATE-----\n"), "tls.key": btoa("no") };
  const secret: core.Secret = object("Secret", { type: "kubernetes.io/tls", data });
  assert.deepEqual(Secrets.strategy!.warnings!(secret, undefined, ""), [
    "tls: failed to find any PEM data in key input",
  ]);
});

test("ServiceAccounts.strategy keeps of secrets the name alone, and warns once", () => {
  const annotations = { "kubernetes.io/enforce-mountable-secrets": "true" };
  const metadata = { name: "x", namespace: "d", annotations };
  const account: core.ServiceAccount = object("ServiceAccount", {
    metadata,
    secrets: [{ name: "s", namespace: "e" }],
  });
  const { prepareForCreate, warnings } = ServiceAccounts.strategy!;
  assert.deepEqual(prepareForCreate!(account).secrets, [{ name: "s" }]);
  assert.equal(warnings!(account, undefined, "").length, 1);
  assert.equal(warnings!(account, account, "").length, 0);
});

test("ReplicationControllers.validateStatusUpdate counts", () => {
  const status = { replicas: 1, fullyLabeledReplicas: 2, readyReplicas: -1, availableReplicas: 1 };
  const rc: core.ReplicationController = object("ReplicationController", { status });
  assert.deepEqual(show(ReplicationControllers.validateStatusUpdate!(rc, rc)), [
    "status.readyReplicas: Invalid value: -1: must be greater than or equal to 0",
    "status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas",
    "status.availableReplicas: Invalid value: 1: cannot be greater than readyReplicas",
  ]);
});
