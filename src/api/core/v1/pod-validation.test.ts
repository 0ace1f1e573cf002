import assert from "node:assert/strict";
import { test } from "node:test";
import { scheme } from "../../scheme.ts";
import { validatePod } from "./pod-validation.ts";
import { validatePodUpdate } from "./pod-update-validation.ts";
import type { Container, Pod, PodSpec } from "./types.gen.ts";

type Partially<T> = { readonly [K in keyof T]?: unknown };

function podWith(spec: Partially<PodSpec>, container: Partially<Container> = {}): Pod {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "d" },
    spec: { containers: [{ name: "c", image: "i", ...container }], ...spec },
  };
  return scheme.applyDefaults(pod as unknown as Pod);
}

const messages = (pod: Pod): readonly string[] => validatePod(pod).map((c) => `${c.field}: ${c.message}`);

const volume = { name: "v", emptyDir: {} };
const cases: readonly (readonly [what: string, pod: Pod, ...expected: string[]])[] = [
  ["a plain pod", podWith({})],
  ["no containers", podWith({ containers: [] }), "spec.containers: Required value"],
  ["no image", podWith({}, { image: "" }), "spec.containers[0].image: Required value"],
  [
    "a blank in an image",
    podWith({}, { image: " i" }),
    'spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace',
  ],
  [
    "an unknown restart policy",
    podWith({ restartPolicy: "Sometimes" }),
    'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
  ],
  [
    "two containers of one name",
    podWith({
      containers: [
        { name: "c", image: "i" },
        { name: "c", image: "i" },
      ],
    }),
    'spec.containers[1].name: Duplicate value: "c"',
  ],
  [
    "a mount without its volume",
    podWith({}, { volumeMounts: [{ name: "v", mountPath: "/v" }] }),
    'spec.containers[0].volumeMounts[0].name: Not found: "v"',
  ],
  [
    "two mounts in one place",
    podWith(
      { volumes: [volume] },
      {
        volumeMounts: [
          { name: "v", mountPath: "/v" },
          { name: "v", mountPath: "/v" },
        ],
      },
    ),
    'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/v": must be unique',
  ],
  [
    "two sources in a volume",
    podWith({ volumes: [{ ...volume, hostPath: { path: "/a" } }] }),
    "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
  ],
  [
    "a host path that goes up",
    podWith({ volumes: [{ name: "v", hostPath: { path: "/a/../b" } }] }),
    `spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain '..'`,
  ],
  [
    "requests above limits",
    podWith({}, { resources: { limits: { cpu: "1" }, requests: { cpu: "2" } } }),
    'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
  ],
  [
    "a resource that containers do not have",
    podWith({}, { resources: { limits: { pods: "1" } } }),
    'spec.containers[0].resources.limits[pods]: Invalid value: "pods": must be a standard resource for containers',
    'spec.containers[0].resources.requests[pods]: Invalid value: "pods": must be a standard resource for containers',
  ],
  [
    "a port out of range",
    podWith({}, { ports: [{ containerPort: 70_000 }] }),
    "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
  ],
  [
    "the same host port twice",
    podWith(
      {},
      {
        ports: [
          { containerPort: 1, hostPort: 9 },
          { containerPort: 2, hostPort: 9 },
        ],
      },
    ),
    'spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//9"',
  ],
  [
    "an environment variable from nowhere",
    podWith({}, { env: [{ name: "E", valueFrom: {} }] }),
    'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
  ],
  [
    "an unknown field of the pod",
    podWith({}, { env: [{ name: "E", valueFrom: { fieldRef: { fieldPath: "spec.color" } } }] }),
    'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.color": error converting fieldPath: field label not supported: spec.color',
  ],
  [
    "a probe without a handler",
    podWith({}, { livenessProbe: {} }),
    "spec.containers[0].livenessProbe: Required value: must specify a handler type",
  ],
  [
    "a liveness probe that must succeed twice",
    podWith({}, { livenessProbe: { tcpSocket: { port: 1 }, successThreshold: 2 } }),
    "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
  ],
  [
    "a probe on an init container",
    podWith({ initContainers: [{ name: "i", image: "i", livenessProbe: { tcpSocket: { port: 1 } } }] }),
    "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
  ],
  [
    "no escalation and privileged",
    podWith({}, { securityContext: { allowPrivilegeEscalation: false, privileged: true } }),
    'spec.containers[0].securityContext: Invalid value: {"allowPrivilegeEscalation":false,"privileged":true}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
  ],
  [
    "a toleration of everything without Exists",
    podWith({ tolerations: [{ operator: "Equal" }] }),
    'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
  ],
  [
    "a weight out of range",
    podWith({
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, preference: {} }],
        },
      },
    }),
    "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100",
  ],
  [
    "a spread constraint without a key",
    podWith({
      topologySpreadConstraints: [{ maxSkew: 0, topologyKey: "", whenUnsatisfiable: "DoNotSchedule" }],
    }),
    "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
    "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty",
  ],
  [
    "a DNS policy that needs a configuration",
    podWith({ dnsPolicy: "None" }),
    "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
  ],
];

for (const [what, pod, ...expected] of cases) {
  test(`validatePod: ${what}`, () => assert.deepEqual(messages(pod), expected));
}

const old = podWith({ tolerations: [{ key: "a", operator: "Exists" }], activeDeadlineSeconds: 10 });
const withSpec = (spec: Partially<PodSpec>): Pod => ({ ...old, spec: { ...old.spec, ...spec } as PodSpec });

test("validatePodUpdate lets images, tolerations and a shorter deadline pass", () => {
  const image = withSpec({ containers: [{ ...old.spec!.containers[0]!, image: "j" }] });
  const tolerations = withSpec({
    tolerations: [...old.spec!.tolerations!, { key: "b", operator: "Exists" }],
  });
  const deadline = withSpec({ activeDeadlineSeconds: 5 });
  for (const pod of [old, image, tolerations, deadline]) assert.deepEqual(validatePodUpdate(pod, old), []);
});

test("validatePodUpdate refuses everything else, and shows the difference", () => {
  const [cause] = validatePodUpdate(withSpec({ hostname: "h" }), old);
  assert.equal(cause?.field, "spec");
  assert.equal(
    cause.message,
    'Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n+ hostname: "h"',
  );
});

const changedFields = (pod: Pod): readonly string[] => validatePodUpdate(pod, old).map((c) => c.field);

test("validatePodUpdate refuses more containers, fewer tolerations, a longer deadline", () => {
  assert.deepEqual(changedFields(withSpec({ containers: [] })), ["spec.containers"]);
  assert.deepEqual(changedFields(withSpec({ tolerations: [] })), ["spec.tolerations"]);
  assert.deepEqual(changedFields(withSpec({ activeDeadlineSeconds: 11 })), ["spec.activeDeadlineSeconds"]);
});

test("validatePodUpdate lets a gated pod learn where to run, and lose gates", () => {
  const gated = podWith({ schedulingGates: [{ name: "example.com/g" }], nodeSelector: { a: "1" } });
  const change = (spec: Partially<PodSpec>): readonly string[] =>
    validatePodUpdate({ ...gated, spec: { ...gated.spec, ...spec } as PodSpec }, gated).map((c) => c.field);
  assert.deepEqual(change({ schedulingGates: [] }), []);
  assert.deepEqual(change({ nodeSelector: { a: "1", b: "2" } }), []);
  assert.deepEqual(change({ nodeSelector: { b: "2" } }), ["spec.nodeSelector"]);
  assert.deepEqual(change({ schedulingGates: [{ name: "example.com/h" }] }), [
    "spec.schedulingGates[0].name",
  ]);
});
