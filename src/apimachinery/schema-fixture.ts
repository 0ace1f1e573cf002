/** A pod-like type with every kind of list and map, for the tests of what walks schemas. @module */
import type { Field, ListSchema, MapSchema, Scalar, ScalarSchema, Schema, StructSchema } from "./schema.ts";

export type FieldSpec = Schema | Omit<Field, "name">;

export function struct(
  name: string,
  fields: Readonly<Record<string, FieldSpec>>,
  extra: Partial<StructSchema> = {},
): StructSchema {
  const entries = Object.entries(fields).map(([key, spec], i): [string, Field] => {
    const field = "schema" in spec ? spec : { schema: spec };
    return [key, { protobuf: [i + 1], ...field, name: key }];
  });
  return { type: "struct", name, fields: new Map(entries), ...extra };
}

export function scalar(kind: Scalar): ScalarSchema {
  return { type: "scalar", scalar: kind };
}

export function list(items: Schema, extra: Partial<ListSchema> = {}): ListSchema {
  return { type: "list", items, ...extra };
}

export function map(values: Schema, extra: Partial<MapSchema> = {}): MapSchema {
  return { type: "map", values, ...extra };
}

const string = scalar("string");
const int32 = scalar("int32");

const port = struct("ContainerPort", {
  name: string,
  containerPort: { schema: int32, required: true },
  protocol: { schema: string, default: "TCP" },
});
const envVar = struct("EnvVar", { name: string, value: string });
const container = struct("Container", {
  name: string,
  image: string,
  args: list(string, { listType: "atomic" }),
  env: {
    schema: list(envVar, { listType: "map", listMapKeys: ["name"] }),
    patchStrategy: ["merge"],
    patchMergeKey: "name",
  },
  ports: {
    schema: list(port, { listType: "map", listMapKeys: ["containerPort", "protocol"] }),
    patchStrategy: ["merge"],
    patchMergeKey: "containerPort",
  },
  limits: map(scalar("quantity")),
});
const volume = struct("Volume", {
  name: string,
  emptyDir: struct("EmptyDirVolumeSource", { medium: string, sizeLimit: scalar("quantity") }),
  hostPath: struct("HostPathVolumeSource", { path: string }),
});
const strategy = struct("DeploymentStrategy", {
  type: string,
  rollingUpdate: struct("RollingUpdate", { maxSurge: scalar("intOrString") }),
});

const spec = struct("ThingSpec", {
  replicas: int32,
  containers: {
    schema: list(container, { listType: "map", listMapKeys: ["name"] }),
    patchStrategy: ["merge"],
    patchMergeKey: "name",
  },
  volumes: {
    schema: list(volume, { listType: "map", listMapKeys: ["name"] }),
    patchStrategy: ["merge", "retainKeys"],
    patchMergeKey: "name",
  },
  strategy: { schema: strategy, patchStrategy: ["retainKeys"] },
  nodeSelector: map(string, { mapType: "atomic" }),
  tolerations: list(struct("Toleration", { key: string, value: string }), { listType: "atomic" }),
  selector: struct("LabelSelector", { matchLabels: map(string) }, { mapType: "atomic" }),
  raw: { type: "untyped", form: "json" },
  paused: scalar("boolean"),
  bytes: map(scalar("bytes")),
  big: scalar("int64"),
  ratio: scalar("double"),
});

const managedFields = struct("ManagedFieldsEntry", {
  manager: string,
  operation: string,
  apiVersion: string,
  time: scalar("time"),
  fieldsType: string,
  fieldsV1: { type: "untyped", form: "fieldsV1" },
  subresource: string,
});
const owner = struct("OwnerReference", { uid: string, name: string, kind: string, apiVersion: string });

const metadata = struct("ObjectMeta", {
  name: string,
  namespace: string,
  labels: map(string),
  annotations: map(string),
  finalizers: { schema: list(string, { listType: "set" }), patchStrategy: ["merge"] },
  ownerReferences: {
    schema: list(owner, { listType: "map", listMapKeys: ["uid"] }),
    patchStrategy: ["merge"],
    patchMergeKey: "uid",
  },
  creationTimestamp: scalar("time"),
  managedFields: list(managedFields, { listType: "atomic" }),
  resourceVersion: string,
  generation: scalar("int64"),
  uid: string,
});

const condition = struct("Condition", { type: string, status: string, lastTransitionTime: scalar("time") });
const status = struct("ThingStatus", {
  readyReplicas: int32,
  conditions: {
    schema: list(condition, { listType: "map", listMapKeys: ["type"] }),
    patchStrategy: ["merge"],
    patchMergeKey: "type",
  },
});

/** `Thing` of `test.k8ts/v1`. */
export const thingSchema: StructSchema = struct("Thing", {
  apiVersion: { schema: string },
  kind: { schema: string },
  metadata,
  spec,
  status,
});
