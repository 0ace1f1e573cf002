import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap, Container, FileKeySelector, PodSpec, Secret, Service } from "#api/core/v1/types.gen";
import { testContainer, testPod } from "../container/testing.ts";
import { ConfigError, makeEnvironment } from "./make-environment.ts";

const configMap: ConfigMap = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "cm", namespace: "default" },
  data: { A: "from-cm", Z: "z" },
};
const secret: Secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "s", namespace: "default" },
  data: { PW: Buffer.from("hidden").toString("base64") },
};
const service = (name: string, namespace: string, clusterIP: string): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace },
  spec: { clusterIP, ports: [{ name: "http", port: 80 }] },
});
const services = [
  service("kubernetes", "default", "10.96.0.1"),
  service("my-db", "default", "10.96.0.7"),
  service("other", "elsewhere", "10.96.0.8"),
  service("headless", "default", "None"),
];
const signal = new AbortController().signal;

async function make(
  container: Partial<Container>,
  spec: Partial<PodSpec> = {},
): Promise<Record<string, string>> {
  const own = testContainer("c", container);
  const env = await makeEnvironment(
    {
      pod: testPod(
        { enableServiceLinks: false, containers: [own], ...spec },
        { labels: { app: "web", "a.b/c": "d" } },
      ),
      container: own,
      addresses: { podIPs: ["10.0.0.2"], hostIPs: ["192.0.2.1"] },
      objects: {
        configMap: async (_, name) => (name === "cm" ? configMap : undefined),
        secret: async (_, name) => (name === "s" ? secret : undefined),
        services: () => services,
      },
      node: { allocatable: { cpu: "4", memory: "8Gi" } },
      readVolumeFile: async (_, path) => {
        if (path !== "env") throw new Error("ENOENT: /on/the/node");
        return { path: "/volume/env", data: Buffer.from("# comment\nKEY='value'\nEMPTY=''\nBAD=value\n") };
      },
    },
    signal,
  );
  return Object.fromEntries([...env].filter(([name]) => !name.startsWith("KUBERNETES_")));
}

test("makeEnvironment() lets env win over envFrom, and later over earlier", async () => {
  const env = await make({
    envFrom: [{ configMapRef: { name: "cm" } }, { prefix: "S_", secretRef: { name: "s" } }],
    env: [
      { name: "A", value: "own" },
      { name: "B", value: "$(A)/$(Z)/$(LATER)/$$(A)" },
      { name: "LATER", value: "x" },
    ],
  });
  assert.deepEqual(env, { A: "own", Z: "z", S_PW: "hidden", B: "own/z/$(LATER)/$(A)", LATER: "x" });
});

function field(fieldPath: string): object {
  return { valueFrom: { fieldRef: { fieldPath } } };
}

test("makeEnvironment() reads fields, resources and files", async () => {
  const env = await make({
    resources: { limits: { cpu: "1500m" }, requests: { memory: "100Mi" } },
    env: [
      { name: "NAME", ...field("metadata.name") },
      { name: "LABEL", ...field("metadata.labels['a.b/c']") },
      { name: "IP", ...field("status.podIP") },
      { name: "HOST", ...field("status.hostIP") },
      { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
      { name: "MILLI", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } } },
      { name: "MEM", valueFrom: { resourceFieldRef: { resource: "requests.memory", divisor: "1Mi" } } },
      { name: "ALL", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Gi" } } },
      { name: "FILE", valueFrom: { fileKeyRef: { volumeName: "v", path: "env", key: "KEY" } } },
    ],
  });
  assert.deepEqual(env, {
    NAME: "web",
    LABEL: "d",
    IP: "10.0.0.2",
    HOST: "192.0.2.1",
    CPU: "2",
    MILLI: "1500",
    MEM: "100",
    ALL: "8",
    FILE: "value",
  });
});

function fileKey(key: string, rest: Partial<FileKeySelector> = {}): Partial<Container> {
  return { env: [{ name: "A", valueFrom: { fileKeyRef: { volumeName: "v", path: "env", key, ...rest } } }] };
}

const missing: readonly (readonly [string, Partial<Container>, string])[] = [
  ["configMap", { envFrom: [{ configMapRef: { name: "no" } }] }, 'configmap "no" not found'],
  [
    "secret key",
    { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "no" } } }] },
    "couldn't find key no in Secret default/s",
  ],
  [
    "configMap key",
    { env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "cm", key: "no" } } }] },
    "couldn't find key no in ConfigMap default/cm",
  ],
  ["key of a file", fileKey("EMPTY"), 'environment variable key "EMPTY" not found in file "/volume/env"'],
  ["file", fileKey("KEY", { path: "no", optional: true }), "couldn't parse env file"],
  ["quote in a file", fileKey("LATER", { optional: true }), "couldn't parse env file"],
];

for (const [what, container, message] of missing) {
  test(`makeEnvironment() refuses a missing ${what}`, async () => {
    await assert.rejects(make(container), (err) => err instanceof ConfigError && err.message === message);
  });
}

test("makeEnvironment() leaves out what is optional and missing", async () => {
  const env = await make({
    envFrom: [{ configMapRef: { name: "no", optional: true } }],
    env: [{ name: "A", valueFrom: { secretKeyRef: { name: "no", key: "k", optional: true } } }],
  });
  assert.deepEqual(env, {});
});

test("makeEnvironment() leaves out an optional key that a file has no value for", async () => {
  assert.deepEqual(await make(fileKey("EMPTY", { optional: true })), {});
});

test("makeEnvironment() takes no key for there that is only every object's", async () => {
  const optional = { name: "cm", key: "constructor", optional: true };
  const env = await make({
    env: [
      { name: "A", valueFrom: { configMapKeyRef: optional } },
      { name: "B", ...field("metadata.labels['toString']") },
    ],
  });
  assert.deepEqual(env, { B: "" });
});

test("makeEnvironment() names the services of the namespace when links are on", async () => {
  const env = await make({}, { enableServiceLinks: true });
  assert.deepEqual(env, {
    MY_DB_SERVICE_HOST: "10.96.0.7",
    MY_DB_SERVICE_PORT: "80",
    MY_DB_SERVICE_PORT_HTTP: "80",
    MY_DB_PORT: "tcp://10.96.0.7:80",
    MY_DB_PORT_80_TCP: "tcp://10.96.0.7:80",
    MY_DB_PORT_80_TCP_PROTO: "tcp",
    MY_DB_PORT_80_TCP_PORT: "80",
    MY_DB_PORT_80_TCP_ADDR: "10.96.0.7",
  });
});
