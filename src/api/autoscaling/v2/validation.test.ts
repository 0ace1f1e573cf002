import assert from "node:assert/strict";
import { test } from "node:test";
import { scheme } from "../../scheme.ts";
import type { HorizontalPodAutoscaler } from "./types.gen.ts";
import { validateHorizontalPodAutoscaler } from "./validation.ts";

type Loose = Readonly<Record<string, unknown>>;

const target = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };

function hpa(spec: Loose): HorizontalPodAutoscaler {
  return scheme.applyDefaults({
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "h", namespace: "d" },
    spec: { scaleTargetRef: target, maxReplicas: 3, ...spec },
  } as unknown as HorizontalPodAutoscaler);
}

const show = (autoscaler: HorizontalPodAutoscaler, old?: HorizontalPodAutoscaler): readonly string[] =>
  validateHorizontalPodAutoscaler(autoscaler, old).map((c) => `${c.field}: ${c.message}`);

const core = { scaleTargetRef: { ...target, apiVersion: "v1" } };
const metric = "spec.metrics[0]";
const cases: readonly (readonly [what: string, spec: Loose, ...expected: string[]])[] = [
  ["a plain autoscaler", {}],
  [
    "bounds in the wrong order",
    { minReplicas: 5 },
    "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
  ],
  [
    "a target without a group",
    core,
    'spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group',
  ],
  [
    "a ReplicationController",
    { scaleTargetRef: { kind: "ReplicationController", name: "x", apiVersion: "v1" } },
  ],
  [
    "zero replicas by the load of pods",
    { minReplicas: 0 },
    "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
    "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
  ],
  [
    "a metric of an odd type with two sources",
    {
      metrics: [
        {
          type: "Odd",
          pods: { metric: { name: "" }, target: { type: "Odd", averageValue: "0" } },
          resource: { name: "cpu", target: { type: "Utilization" } },
        },
      ],
    },
    `${metric}.type: Unsupported value: "Odd": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"`,
    `${metric}.pods.metric.name: Required value: must specify a metric name`,
    `${metric}.pods.target.type: Invalid value: "Odd": must be either Utilization, Value, or AverageValue`,
    `${metric}.pods.target.averageValue: Invalid value: "0": must be positive`,
    `${metric}.type: Unsupported value: "Odd": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"`,
    `${metric}.pods: Forbidden: must populate the given metric source only`,
    `${metric}.resource: Forbidden: must populate the given metric source only`,
  ],
  [
    "a container without a name",
    {
      metrics: [
        {
          type: "ContainerResource",
          containerResource: { name: "", container: "", target: { type: "Utilization" } },
        },
      ],
    },
    `${metric}.containerResource.name: Required value: must specify a resource name`,
    `${metric}.containerResource.container: Required value: must specify a container`,
    `${metric}.containerResource.target.averageUtilization: Required value: must set either a target raw value or a target utilization`,
  ],
  [
    "a negative tolerance",
    { behavior: { scaleUp: { tolerance: "-1" } } },
    'spec.behavior.scaleUp.tolerance: Invalid value: "-1": must be greater than or equal to 0',
  ],
];

for (const [what, spec, ...expected] of cases) {
  test(`validateHorizontalPodAutoscaler: ${what}`, () => assert.deepEqual(show(hpa(spec)), expected));
}

test("validateHorizontalPodAutoscaler lets a stored target be", () => {
  assert.deepEqual(show(hpa({ ...core, maxReplicas: 4 }), hpa(core)), []);
});
