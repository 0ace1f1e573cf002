import assert from "node:assert/strict";
import { test } from "node:test";
import { objectOf, onCreate, onStatus, onUpdate, warningsOf } from "../causes-fixture.ts";
import { CSIDrivers } from "./v1/csidriver.ts";
import { CSINodes } from "./v1/csinode.ts";
import { CSIStorageCapacities } from "./v1/csistoragecapacity.ts";
import { StorageClasses } from "./v1/storageclass.ts";
import { VolumeAttachments } from "./v1/volumeattachment.ts";
import { VolumeAttributesClasses } from "./v1/volumeattributesclass.ts";

const classOf = (more: object): object => ({ provisioner: "d.example.com", ...more });

test("StorageClasses: provisioner, policies and topologies", () => {
  const zone = { matchLabelExpressions: [{ key: "zone", values: ["a", "b"] }] };
  assert.deepEqual(
    onCreate(StorageClasses, { provisioner: "", reclaimPolicy: "Recycle", volumeBindingMode: "Later" }),
    [
      "provisioner: Required value",
      'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
      'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
    ],
  );
  const reordered = { matchLabelExpressions: [{ key: "zone", values: ["b", "a"] }] };
  assert.deepEqual(onCreate(StorageClasses, classOf({ allowedTopologies: [zone, reordered] })), [
    'allowedTopologies[1].matchLabelExpressions: Duplicate value: ""',
  ]);
  const bad = [
    { key: "a", values: ["x", "x"] },
    { key: "a", values: [] },
  ];
  assert.deepEqual(
    onCreate(StorageClasses, classOf({ allowedTopologies: [{ matchLabelExpressions: bad }] })),
    [
      'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "x"',
      "allowedTopologies[0].matchLabelExpressions[1].values: Required value",
      'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "a"',
    ],
  );
  assert.deepEqual(
    onUpdate(StorageClasses, classOf({ parameters: { a: "c" } }), classOf({ parameters: { a: "b" } })),
    ['parameters: Invalid value: {"a":"c"}: field is immutable'],
  );
  const old = { matchLabelExpressions: [{ key: "failure-domain.beta.kubernetes.io/zone", values: ["a"] }] };
  assert.deepEqual(warningsOf(StorageClasses, classOf({ allowedTopologies: [old] })), [
    'allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  ]);
});

test("VolumeAttachments: one source, and a status within bounds", () => {
  const spec = { attacher: "d.example.com", nodeName: "n", source: { persistentVolumeName: "pv" } };
  assert.deepEqual(onCreate(VolumeAttachments, { spec: { ...spec, source: {} } }), [
    "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName",
  ]);
  const inline = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/a" } };
  assert.deepEqual(onCreate(VolumeAttachments, { spec: { ...spec, source: { inlineVolumeSpec: inline } } }), [
    "spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline volumes",
    "spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes",
  ]);
  const failed = {
    spec,
    status: { attached: false, attachError: { message: "x".repeat(1025), errorCode: -1 } },
  };
  assert.deepEqual(onStatus(VolumeAttachments, failed, { spec }), [
    "status.attachError.message: Too long: may not be more than 262144 bytes",
    "status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive",
  ]);
});

test("CSINodes: drivers once, and unchanged but for what they take", () => {
  const driver = { name: "d", nodeID: "n" };
  assert.deepEqual(
    onCreate(CSINodes, { spec: { drivers: [driver, { name: "d", nodeID: "", topologyKeys: [""] }] } }).slice(
      0,
      4,
    ),
    [
      "spec.drivers[1].nodeID: Required value",
      "spec.drivers[1]: Required value",
      'spec.drivers[1]: Invalid value: "": name part must be non-empty',
      `spec.drivers[1]: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
    ],
  );
  const of = (more: object): object => ({ spec: { drivers: [{ ...driver, ...more }] } });
  assert.deepEqual(onUpdate(CSINodes, of({ allocatable: { count: 3 } }), of({})), []);
  assert.deepEqual(onUpdate(CSINodes, of({ nodeID: "m" }), of({})), [
    'spec.drivers: Invalid value: {"Name":"d","NodeID":"m","TopologyKeys":null,"Allocatable":null}: field is immutable',
  ]);
});

test("CSIDrivers: tokens, periods, generation", () => {
  const tokens = [{ audience: "a", expirationSeconds: 1 }, { audience: "a" }];
  assert.deepEqual(
    onCreate(CSIDrivers, { spec: { tokenRequests: tokens, nodeAllocatableUpdatePeriodSeconds: 1 } }),
    [
      "spec.tokenRequests[0].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes",
      'spec.tokenRequests[1].audience: Duplicate value: "a"',
      "spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 1: must be greater than or equal to 10 seconds",
    ],
  );
  assert.deepEqual(onCreate(CSIDrivers, { spec: { serviceAccountTokenInSecrets: false } }), [
    "spec.serviceAccountTokenInSecrets: Invalid value: false: serviceAccountTokenInSecrets is set but no tokenRequests are specified",
  ]);
  assert.match(
    warningsOf(CSIDrivers, { spec: { tokenRequests: [{ audience: "" }] } })[0] ?? "",
    /^spec\.serviceAccountTokenInSecrets is unset/,
  );
  const [now, old] = [{ podInfoOnMount: true }, {}].map((spec) => objectOf(CSIDrivers, { spec }));
  assert.equal(CSIDrivers.strategy?.prepareForUpdate?.(now!, old!).metadata.generation, 1);
});

const attributesOf = (driverName: string): object => ({ driverName, parameters: { a: "b" } });

test("CSIStorageCapacities and VolumeAttributesClasses", () => {
  assert.deepEqual(onCreate(CSIStorageCapacities, { storageClassName: "sc", capacity: "-1" }), [
    'capacity: Invalid value: "-1": must be greater than or equal to 0',
  ]);
  assert.deepEqual(onCreate(VolumeAttributesClasses, { driverName: "d" }), [
    "parameters: Required value: must contain at least one key/value pair",
  ]);
  assert.deepEqual(onUpdate(VolumeAttributesClasses, attributesOf("e"), attributesOf("d")), [
    "driverName: Forbidden: updates to driverName are forbidden.",
  ]);
});
