import assert from "node:assert/strict";
import { test } from "node:test";
import { warningsForPod, warningsForPodTemplate } from "./pod-warnings.ts";
import type { Pod, PodSpec } from "./types.gen.ts";

type Loose = Readonly<Record<string, unknown>>;

const podWith = (spec: Loose, metadata: Loose = {}): Pod =>
  ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", ...metadata },
    spec: { containers: [{ name: "c", image: "i" }], ...spec },
  }) as unknown as Pod;

const port = (containerPort: number, rest: Loose = {}): Loose => ({
  containerPort,
  protocol: "TCP",
  ...rest,
});
const withContainer = (rest: Loose): Pod => podWith({ containers: [{ name: "c", image: "i", ...rest }] });

const cases: readonly (readonly [what: string, pod: Pod, ...expected: string[]])[] = [
  ["a plain pod", podWith({})],
  [
    "labels of old",
    podWith({ nodeSelector: { "beta.kubernetes.io/os": "linux" } }),
    'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
  ],
  [
    "selectors that match nothing",
    podWith({
      topologySpreadConstraints: [{ topologyKey: "zone" }],
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 1, podAffinityTerm: { topologyKey: "zone" } },
          ],
        },
      },
    }),
    "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
    "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector: a null labelSelector results in matching no pod",
  ],
  [
    "an annotation of old",
    podWith({}, { annotations: { "scheduler.alpha.kubernetes.io/critical-pod": "" } }),
    'metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
  ],
  [
    "volumes that are gone",
    podWith({ volumes: [{ name: "v", gitRepo: { repository: "r" } }] }),
    "spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
  ],
  [
    "files within files",
    podWith({
      volumes: [
        {
          name: "v",
          configMap: {
            name: "m",
            items: [
              { key: "a", path: "x" },
              { key: "b", path: "x/y/" },
            ],
          },
        },
      ],
    }),
    'volume "v" (ConfigMap "m"): overlapping paths: "x/y" with "x"',
  ],
  [
    "pull secrets twice and nameless",
    podWith({ imagePullSecrets: [{ name: "a" }, { name: "a" }, { name: "" }] }),
    'spec.imagePullSecrets[1].name: duplicate name "a"',
    'spec.imagePullSecrets[2].name: invalid empty name ""',
  ],
  [
    "a thousandth of a byte",
    withContainer({ resources: { requests: { memory: "100m" } } }),
    'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
  ],
  [
    "variables that hide others, and one that builds on it",
    withContainer({
      env: [
        { name: "A", value: "1" },
        { name: "A", value: "2" },
        { name: "A", value: "$(A)3" },
      ],
    }),
    'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
  ],
  [
    "ports in each other's way",
    withContainer({
      ports: [
        port(80, { name: "web" }),
        port(80, { hostPort: 8080 }),
        port(81, { name: "web", hostIP: "1.2.3.4" }),
      ],
    }),
    "spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]",
    "spec.containers[0].ports[2]: hostIP set without hostPort: {Name:web HostPort:0 ContainerPort:81 Protocol:TCP HostIP:1.2.3.4}",
    'spec.containers[0].ports[2]: duplicate port name "web" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]',
  ],
  [
    "a negative time to end",
    podWith({ terminationGracePeriodSeconds: -1 }),
    "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
  ],
];

for (const [what, pod, ...expected] of cases) {
  test(`warningsForPod: ${what}`, () => assert.deepEqual(warningsForPod(pod), expected));
}

test("warningsForPod recommends names that are labels", () => {
  const [first] = warningsForPod(podWith({}, { name: "a.b" }));
  assert.match(
    first ?? "",
    /^metadata\.name: this is used in the Pod's hostname, .* recommended: \[must not contain dots\]$/,
  );
});

test("warningsForPodTemplate says where the template stands", () => {
  const spec = { containers: [{ name: "c" }], terminationGracePeriodSeconds: -1 } as unknown as PodSpec;
  const annotations = { "container.apparmor.security.beta.kubernetes.io/c": "unconfined" };
  assert.deepEqual(warningsForPodTemplate({ metadata: { annotations }, spec }, "spec.template"), [
    'spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead',
    "spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
  ]);
});
