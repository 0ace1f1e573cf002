import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#apimachinery";
import { imageTag } from "./core/v1/container-defaults.ts";
import { scheme } from "./scheme.ts";

const defaulted = (object: object): Record<string, unknown> =>
  scheme.applyDefaults(object as KubeObject) as unknown as Record<string, unknown>;

test("applyDefaults fills a pod as upstream does", () => {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: {
      containers: [
        {
          name: "c",
          image: "busybox",
          ports: [{ containerPort: 80 }],
          resources: { limits: { cpu: "1" }, requests: { memory: "1Gi" } },
          readinessProbe: { httpGet: { port: 80 } },
          env: [{ name: "N", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
        },
      ],
      volumes: [{ name: "empty" }, { name: "s", secret: { secretName: "s" } }],
    },
  };
  assert.deepEqual(defaulted(pod), {
    ...pod,
    spec: {
      containers: [
        {
          name: "c",
          image: "busybox",
          imagePullPolicy: "Always",
          ports: [{ containerPort: 80, protocol: "TCP" }],
          resources: { limits: { cpu: "1" }, requests: { cpu: "1", memory: "1Gi" } },
          readinessProbe: {
            httpGet: { path: "/", port: 80, scheme: "HTTP" },
            timeoutSeconds: 1,
            periodSeconds: 10,
            successThreshold: 1,
            failureThreshold: 3,
          },
          env: [{ name: "N", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } }],
          terminationMessagePath: "/dev/termination-log",
          terminationMessagePolicy: "File",
        },
      ],
      volumes: [
        { name: "empty", emptyDir: {} },
        { name: "s", secret: { secretName: "s", defaultMode: 420 } },
      ],
      dnsPolicy: "ClusterFirst",
      restartPolicy: "Always",
      schedulerName: "default-scheduler",
      securityContext: {},
      terminationGracePeriodSeconds: 30,
      enableServiceLinks: true,
    },
    status: {},
  });
});

test("applyDefaults changes nothing that is complete", () => {
  const once = scheme.applyDefaults({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "c" },
  });
  assert.equal(scheme.applyDefaults(once), once);
});

test("applyDefaults never touches the object it is given", () => {
  const frozen = Object.freeze({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: Object.freeze({ name: "d" }),
    spec: Object.freeze({
      template: Object.freeze({ spec: Object.freeze({ containers: Object.freeze([]) }) }),
    }),
  });
  const spec = defaulted(frozen)["spec"] as Record<string, unknown>;
  assert.equal(spec["replicas"], 1);
  assert.deepEqual(spec["strategy"], {
    type: "RollingUpdate",
    rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" },
  });
});

test("applyDefaults gives services their types, ports and policies", () => {
  const spec = { selector: { app: "a" }, ports: [{ port: 80 }] };
  const service = defaulted({ apiVersion: "v1", kind: "Service", metadata: { name: "s" }, spec });
  assert.deepEqual(service["spec"], {
    selector: { app: "a" },
    ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
    type: "ClusterIP",
    sessionAffinity: "None",
    internalTrafficPolicy: "Cluster",
  });
});

test("applyDefaults turns stringData into data and names the type", () => {
  const secret = defaulted({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s" },
    stringData: { a: "é" },
  });
  assert.deepEqual(secret["data"], { a: "w6k=" });
  assert.equal(secret["type"], "Opaque");
  assert.equal(secret["stringData"], undefined);
});

const specOf = (apiVersion: string, kind: string, spec: object): Record<string, unknown> =>
  defaulted({ apiVersion, kind, metadata: { name: "x" }, spec })["spec"] as Record<string, unknown>;

test("applyDefaults knows jobs, cron jobs, daemon sets, stateful sets", () => {
  const template = { spec: { restartPolicy: "Never", containers: [] } };
  const job = specOf("batch/v1", "Job", { template });
  assert.deepEqual([job["completions"], job["parallelism"], job["backoffLimit"]], [1, 1, 6]);
  assert.equal(specOf("batch/v1", "Job", { template, parallelism: 3 })["completions"], undefined);
  const cron = specOf("batch/v1", "CronJob", { schedule: "* * * * *", jobTemplate: { spec: { template } } });
  assert.deepEqual([cron["concurrencyPolicy"], cron["successfulJobsHistoryLimit"]], ["Allow", 3]);
  assert.deepEqual(specOf("apps/v1", "DaemonSet", { template })["updateStrategy"], {
    type: "RollingUpdate",
    rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
  });
  assert.deepEqual(specOf("apps/v1", "StatefulSet", { template })["updateStrategy"], {
    type: "RollingUpdate",
    rollingUpdate: { partition: 0 },
  });
});

test("imageTag tells the tag that decides the pull policy", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["busybox", "latest"],
    ["busybox:1.36", "1.36"],
    ["registry:5000/busybox", "latest"],
    ["registry:5000/busybox:1", "1"],
    [`busybox@sha256:${"0".repeat(64)}`, ""],
    [`busybox:1@sha256:${"0".repeat(64)}`, "1"],
  ];
  for (const [image, tag] of cases) assert.equal(imageTag(image), tag, image);
});
