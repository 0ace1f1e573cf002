/** Validation of the groups that have one kind each. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { objectOf, onCreate, onStatus, onUpdate, warningsOf } from "./causes-fixture.ts";
import { APIServices } from "./apiregistration/v1/apiservice.ts";
import { CustomResourceDefinitions } from "./apiextensions/v1/customresourcedefinition.ts";
import { LocalSubjectAccessReviews } from "./authorization/v1/localsubjectaccessreview.ts";
import { SubjectAccessReviews } from "./authorization/v1/subjectaccessreview.ts";
import { Leases } from "./coordination/v1/lease.ts";
import { LeaseCandidates } from "./coordination/v1beta1/leasecandidate.ts";
import { EndpointSlices } from "./discovery/v1/endpointslice.ts";
import { RuntimeClasses } from "./node/v1/runtimeclass.ts";
import { PodDisruptionBudgets } from "./policy/v1/poddisruptionbudget.ts";
import { PriorityClasses } from "./scheduling/v1/priorityclass.ts";
import { StorageVersionMigrations } from "./storagemigration/v1beta1/storageversionmigration.ts";

test("PodDisruptionBudgets: one bound, and a status that counts from zero", () => {
  assert.deepEqual(onCreate(PodDisruptionBudgets, { spec: { minAvailable: 1, maxUnavailable: "150%" } }), [
    'spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":"150%","UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
    'spec.maxUnavailable: Invalid value: "150%": must not be greater than 100%',
  ]);
  const condition = { type: "Ok", status: "Yes", reason: "1", message: "" };
  const status = {
    currentHealthy: -1,
    desiredHealthy: 0,
    disruptionsAllowed: 0,
    expectedPods: 0,
    conditions: [
      condition,
      { ...condition, lastTransitionTime: "2026-01-01T00:00:00Z", status: "True", reason: "A" },
    ],
  };
  assert.deepEqual(
    onStatus(PodDisruptionBudgets, { status }, {}).map((line) => line.replace(/: a condition reason.*/, "")),
    [
      'status.conditions[0].status: Unsupported value: "Yes": supported values: "False", "True", "Unknown"',
      "status.conditions[0].lastTransitionTime: Required value",
      'status.conditions[0].reason: Invalid value: "1"',
      'status.conditions[1].type: Duplicate value: "Ok"',
      "status.currentHealthy: Invalid value: -1: must be greater than or equal to 0",
    ],
  );
});

test("PriorityClasses: values and names of users", () => {
  assert.deepEqual(onCreate(PriorityClasses, { value: 1_000_000_001, preemptionPolicy: "Some" }), [
    "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
    'preemptionPolicy: Unsupported value: "Some": supported values: "PreemptLowerPriority", "Never"',
  ]);
  assert.deepEqual(onUpdate(PriorityClasses, { value: 2 }, { value: 1 }), [
    "value: Forbidden: may not be changed in an update.",
  ]);
});

test("RuntimeClasses: handlers, tolerations once, deprecated labels", () => {
  const toleration = { key: "a", operator: "Exists" };
  const scheduling = {
    nodeSelector: { "beta.kubernetes.io/os": "linux" },
    tolerations: [toleration, toleration],
  };
  assert.deepEqual(onCreate(RuntimeClasses, { handler: "", scheduling }), [
    "handler: Required value",
    'scheduling.tolerations[1]: Duplicate value: {"Key":"a","Operator":"Exists","Value":"","Effect":"","TolerationSeconds":null}',
  ]);
  assert.deepEqual(warningsOf(RuntimeClasses, { handler: "h", scheduling }), [
    'scheduling.nodeSelector: deprecated since v1.14; use "kubernetes.io/os" instead',
  ]);
});

test("Leases: durations, and fields of a feature that is off", () => {
  assert.deepEqual(
    onCreate(Leases, { spec: { leaseDurationSeconds: 0, leaseTransitions: -1, preferredHolder: "a" } }),
    [
      "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
      "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
      "spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined",
    ],
  );
  const lease = objectOf(Leases, { spec: { strategy: "OldestEmulationVersion", holderIdentity: "a" } });
  assert.deepEqual(Leases.strategy?.prepareForCreate?.(lease).spec, { holderIdentity: "a" });
});

const candidate = (binaryVersion: string, emulationVersion?: string): object => ({
  spec: { leaseName: "l", binaryVersion, emulationVersion, strategy: "OldestEmulationVersion" },
});

test("LeaseCandidates: versions", () => {
  assert.deepEqual(onCreate(LeaseCandidates, candidate("1.36.0", "1.35.0")), []);
  assert.deepEqual(onCreate(LeaseCandidates, candidate("1.35.0-rc.1", "1.35.0")), [
    'spec.binaryVersion: Invalid value: "1.35.0-rc.1": must be greater than or equal to `emulationVersion`',
  ]);
  assert.deepEqual(onCreate(LeaseCandidates, candidate("1.x")), [
    'spec.binaryVersion: Invalid value: "1.x": must be a valid semantic version',
    "spec.emulationVersion: Required value: must be specified when `strategy` is 'OldestEmulationVersion'",
  ]);
});

test("EndpointSlices: addresses, ports, topology that is no more", () => {
  const slice = {
    addressType: "IPv4",
    endpoints: [{ addresses: ["127.0.0.1", "2001:db8::1"] }],
    ports: [{ name: "a" }, { name: "a", protocol: "ICMP" }],
  };
  assert.deepEqual(onCreate(EndpointSlices, slice), [
    'ports[1].name: Duplicate value: "a"',
    'ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    'endpoints[0].addresses: Invalid value: "2001:db8::1": must be an IPv4 address',
  ]);
  assert.deepEqual(onUpdate(EndpointSlices, { ...slice, ports: [] }, slice), []);
  assert.deepEqual(warningsOf(EndpointSlices, { addressType: "FQDN", endpoints: [] }), [
    "spec.addressType: FQDN endpoints are deprecated",
  ]);
  const old = objectOf(EndpointSlices, {
    addressType: "IPv4",
    endpoints: [{ addresses: ["192.0.2.1"], deprecatedTopology: { "kubernetes.io/hostname": "n" } }],
  });
  const next = { ...old, metadata: { ...old.metadata, generation: 3, labels: { a: "b" } } };
  assert.equal(EndpointSlices.strategy?.prepareForUpdate?.(next, old).metadata.generation, 1);
  const moved = { ...old, endpoints: [{ ...old.endpoints![0]!, addresses: ["192.0.2.2"] }] };
  assert.deepEqual(EndpointSlices.strategy?.prepareForUpdate?.(moved, old).endpoints, [
    { addresses: ["192.0.2.2"], conditions: {}, nodeName: "n" },
  ]);
});

test("SubjectAccessReviews: one question, about somebody", () => {
  const path = "spec.resourceAttributes";
  assert.deepEqual(onCreate(SubjectAccessReviews, { metadata: {}, spec: {} }), [
    `${path}: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified`,
    'spec.user: Invalid value: "": at least one of user or group must be specified',
  ]);
  const requirements = [
    { key: "", operator: "In" },
    { key: "a", operator: "Later" },
  ];
  assert.deepEqual(
    onCreate(SubjectAccessReviews, {
      spec: { user: "u", resourceAttributes: { fieldSelector: { requirements }, labelSelector: {} } },
    }),
    [
      `${path}.fieldSelector.requirements[0].key: Required value: must be specified`,
      `${path}.fieldSelector.requirements[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
      `${path}.labelSelector.requirements: Required value: when ${path}.labelSelector is specified, requirements or rawSelector is required`,
      'metadata: Invalid value: {"name":"a"}: must be empty',
    ],
  );
  const local = {
    metadata: { namespace: "a" },
    spec: { user: "u", nonResourceAttributes: { path: "/", verb: "get" } },
  };
  assert.deepEqual(onCreate(LocalSubjectAccessReviews, local), [
    'spec.nonResourceAttributes: Invalid value: {"Path":"/","Verb":"get"}: disallowed on this kind of request',
  ]);
});

test("APIServices: names, priorities, where they are", () => {
  const service = { namespace: "", name: "s", port: 0 };
  const spec = { group: "example.com", version: "v1", groupPriorityMinimum: 0, versionPriority: 1, service };
  assert.deepEqual(onCreate(APIServices, { metadata: { name: "v1.example.com" }, spec }), [
    "spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000",
    "spec.service.namespace: Required value",
    "spec.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive",
  ]);
  assert.deepEqual(
    onStatus(
      APIServices,
      { spec, status: { conditions: [{ type: "Available", status: "Maybe" }] } },
      { spec },
    ),
    ['status.conditions[0].status: Unsupported value: "Maybe": supported values: "True", "False", "Unknown"'],
  );
});

const definitionOf = (...formats: string[]): object => {
  const properties = Object.fromEntries(formats.map((format) => [format, { type: "string", format }]));
  const schema = { openAPIV3Schema: { type: "object", properties } };
  return {
    spec: {
      group: "example.com",
      names: { plural: "as", kind: "A" },
      scope: "Cluster",
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
};

test("CustomResourceDefinitions: formats that nobody knows are named once", () => {
  assert.deepEqual(warningsOf(CustomResourceDefinitions, definitionOf("date-time", "colour")), [
    'unrecognized format "colour"',
  ]);
  assert.deepEqual(
    warningsOf(CustomResourceDefinitions, definitionOf("colour", "taste"), definitionOf("colour")),
    ['unrecognized format "taste"'],
  );
});

const migrationOf = (...types: string[]): object => ({
  status: {
    conditions: types.map((type) => ({
      type,
      status: "True",
      reason: "A",
      message: "",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    })),
  },
});

test("StorageVersionMigrations: outcomes are final", () => {
  assert.match(
    onStatus(StorageVersionMigrations, migrationOf(), migrationOf("Succeeded")).join(),
    /Success condition cannot be set to false once it is true/,
  );
  assert.match(
    onStatus(StorageVersionMigrations, migrationOf("Succeeded", "Failed"), migrationOf()).join(),
    /cannot be true at the same time/,
  );
  assert.deepEqual(onCreate(StorageVersionMigrations, { spec: { resource: { resource: "" } } }), [
    "spec.resource.resource: Required value: resource is required to be set",
  ]);
});
