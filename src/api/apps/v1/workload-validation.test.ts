import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#apimachinery";
import { scheme } from "../../scheme.ts";

const template = { metadata: { labels: { app: "a" } }, spec: { containers: [{ name: "c", image: "i" }] } };
const selector = { matchLabels: { app: "a" } };

function causesOf(apiVersion: string, kind: string, spec: object, uid?: string): readonly string[] {
  const metadata = { name: "x", namespace: "d", ...(uid !== undefined && { uid }) };
  const object = scheme.applyDefaults({ apiVersion, kind, metadata, spec } as KubeObject);
  const { validate, strategy } = scheme.kindOf(object)!;
  const prepared = strategy?.prepareForCreate?.(object) ?? object;
  return validate!(prepared).map((cause) => `${cause.field}: ${cause.message}`);
}

for (const kind of ["Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"]) {
  test(`validate${kind} accepts a plain one, and demands a selector that matches the template`, () => {
    assert.deepEqual(causesOf("apps/v1", kind, { selector, template }), []);
    const other = { matchLabels: { app: "b" } };
    assert.deepEqual(causesOf("apps/v1", kind, { selector: other, template }), [
      'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
    ]);
    const word = kind === "Deployment" || kind === "ReplicaSet" ? "deployment" : kind.toLowerCase();
    assert.deepEqual(causesOf("apps/v1", kind, { selector: {}, template }), [
      `spec.selector: Invalid value: {}: empty selector is invalid for ${word}`,
    ]);
  });

  test(`validate${kind} wants pods that restart`, () => {
    const never = { ...template, spec: { ...template.spec, restartPolicy: "Never" } };
    assert.deepEqual(causesOf("apps/v1", kind, { selector, template: never }), [
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ]);
  });
}

test("validateDeployment refuses a rollout that could not move", () => {
  const strategy = { rollingUpdate: { maxUnavailable: 0, maxSurge: "0%" } };
  assert.deepEqual(causesOf("apps/v1", "Deployment", { selector, template, strategy }), [
    "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
  ]);
});

const jobTemplate = { spec: { ...template.spec, restartPolicy: "Never" } };

test("validateJob accepts what the strategy completed, and refuses pods that restart for ever", () => {
  assert.deepEqual(causesOf("batch/v1", "Job", { template: jobTemplate }, "u"), []);
  assert.deepEqual(causesOf("batch/v1", "Job", { template }, "u"), [
    'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ]);
});

test("validateJob refuses labels that are not the job's own", () => {
  const labelled = { ...jobTemplate, metadata: { labels: { "batch.kubernetes.io/job-name": "other" } } };
  assert.match(
    causesOf("batch/v1", "Job", { template: labelled }, "u")[0]!,
    /^spec\.template\.metadata\.labels\[batch\.kubernetes\.io\/job-name\]/,
  );
});

test("validateCronJob checks schedule and time zone", () => {
  const spec = { schedule: "*/5 * * * *", jobTemplate: { spec: { template: jobTemplate } } };
  assert.deepEqual(causesOf("batch/v1", "CronJob", spec), []);
  assert.deepEqual(causesOf("batch/v1", "CronJob", { ...spec, schedule: "* * *" }), [
    'spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]',
  ]);
  assert.deepEqual(causesOf("batch/v1", "CronJob", { ...spec, timeZone: "Mars/Base" }), [
    'spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base',
  ]);
});
