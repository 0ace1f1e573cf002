import assert from "node:assert/strict";
import { test } from "node:test";
import { scheme } from "../../scheme.ts";
import { validateEphemeralContainersUpdate, validateResize } from "./pod-subresource-validation.ts";
import { validatePodStatusUpdate } from "./pod-status-validation.ts";
import { validatePod, validatePodCreate } from "./pod-validation.ts";
import type { Pod } from "./types.gen.ts";

type Loose = Readonly<Record<string, unknown>>;

function podWith(spec: Loose, rest: Loose = {}): Pod {
  const { metadata, ...others } = rest;
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "d", ...(metadata as object) },
    spec: { containers: [{ name: "c", image: "i" }], ...spec },
    ...others,
  };
  return scheme.applyDefaults(pod as unknown as Pod);
}

const show = (causes: ReturnType<typeof validatePod>): readonly string[] =>
  causes.map((c) => `${c.field}: ${c.message}`);

const selector = { matchExpressions: [{ key: "a", operator: "In", values: ["not a label"] }] };
const affinityTerm = { topologyKey: "kubernetes.io/hostname", labelSelector: selector };
const stricterSince: readonly (readonly [what: string, pod: Pod])[] = [
  [
    "a deletion cost",
    podWith({}, { metadata: { annotations: { "controller.kubernetes.io/pod-deletion-cost": "+1" } } }),
  ],
  [
    "values of affinity selectors",
    podWith({
      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [affinityTerm] } },
    }),
  ],
  [
    "values of node affinity",
    podWith({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [selector] },
        },
      },
    }),
  ],
  [
    "selectors of spreading",
    podWith({
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", labelSelector: selector },
      ],
    }),
  ],
  [
    "sysctls of the host",
    podWith({
      hostNetwork: true,
      securityContext: { sysctls: [{ name: "net.core.somaxconn", value: "1" }] },
    }),
  ],
  ["comparing tolerations", podWith({ tolerations: [{ key: "a", operator: "Gt", value: "1" }] })],
  [
    "parts of huge pages",
    podWith({
      containers: [
        {
          name: "c",
          image: "i",
          terminationMessagePolicy: "File",
          resources: {
            limits: { "hugepages-2Mi": "1Mi", cpu: "1" },
            requests: { "hugepages-2Mi": "1Mi", cpu: "1" },
          },
        },
      ],
    }),
  ],
  ["another SELinux policy", podWith({ securityContext: { seLinuxChangePolicy: "MountOption" } })],
  [
    "restarts of init containers",
    podWith({
      initContainers: [
        {
          name: "i",
          image: "i",
          resizePolicy: [{ resourceName: "cpu", restartPolicy: "RestartContainer" }],
        },
      ],
    }),
  ],
  ["user namespaces in the host's network", podWith({ hostNetwork: true, hostUsers: false })],
];

for (const [what, pod] of stricterSince) {
  test(`validatePod refuses ${what} in new pods, and lets stored ones keep it`, () => {
    assert.notDeepEqual(validatePod(pod), []);
    assert.deepEqual(show(validatePod(pod, pod)), []);
  });
}

test("validatePod judges annotations and what they contradict", () => {
  const annotations = {
    "kubernetes.io/config.mirror": "x",
    "container.apparmor.security.beta.kubernetes.io/other": "odd",
    "container.seccomp.security.alpha.kubernetes.io/c": "localhost/../x",
  };
  const pod = podWith({}, { metadata: { annotations } });
  assert.deepEqual(show(validatePod(pod)), [
    'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set',
    `metadata.annotations.container.seccomp.security.alpha.kubernetes.io/c: Invalid value: "../x": must not contain '..'`,
    'metadata.annotations[container.apparmor.security.beta.kubernetes.io/other]: Invalid value: "other": container not found',
    'metadata.annotations[container.apparmor.security.beta.kubernetes.io/other]: Invalid value: "odd": invalid AppArmor profile name: "odd"',
  ]);
  const before = podWith({});
  assert.ok(
    show(validatePod(pod, before)).includes(
      "metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod annotation",
    ),
  );
});

test("validatePodCreate refuses what only comes later, and profiles that disagree", () => {
  const pod = podWith(
    {
      nodeName: "n",
      schedulingGates: [{ name: "g" }],
      ephemeralContainers: [{ name: "e", image: "i" }],
      securityContext: { seccompProfile: { type: "Unconfined" } },
    },
    { metadata: { annotations: { "seccomp.security.alpha.kubernetes.io/pod": "runtime/default" } } },
  );
  assert.deepEqual(show(validatePodCreate(pod)), [
    "spec.ephemeralContainers: Forbidden: cannot be set on create",
    "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
    "spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match",
  ]);
});

test("validatePod tells Windows pods what they cannot have, in upstream's order", () => {
  const pod = podWith({
    os: { name: "windows" },
    hostPID: true,
    securityContext: { runAsUser: 1, windowsOptions: { hostProcess: true, runAsUserName: "a\\b\\c" } },
    containers: [{ name: "c", image: "i", securityContext: { privileged: false } }],
  });
  assert.deepEqual(show(validatePod(pod)), [
    'spec.securityContext.windowsOptions.runAsUserName: Invalid value: "a\\\\b\\\\c": runAsUserName cannot contain more than one backslash',
    "spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers",
    "spec.hostPID: Forbidden: cannot be set for a windows pod",
    "spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod",
    "spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod",
  ]);
});

const ended = (exitCode: number): Loose => ({ name: "c", state: { terminated: { exitCode } } });
const running: Loose = { name: "c", state: { running: {} } };
const transitions: readonly (readonly [
  policy: string,
  container: Loose,
  exitCode: number,
  allowed: boolean,
])[] = [
  ["Always", {}, 0, true],
  ["OnFailure", {}, 1, true],
  ["OnFailure", {}, 0, false],
  ["Never", {}, 1, false],
  ["Never", { restartPolicy: "OnFailure" }, 1, true],
  [
    "Never",
    {
      restartPolicy: "Never",
      restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
    },
    42,
    true,
  ],
];

for (const [policy, container, exitCode, allowed] of transitions) {
  const own = JSON.stringify(container);
  test(`validatePodStatusUpdate: ${policy}, ${own} runs again after ${exitCode}: ${allowed}`, () => {
    const spec = { restartPolicy: policy, containers: [{ name: "c", image: "i", ...container }] };
    const old = podWith(spec, { status: { containerStatuses: [ended(exitCode)] } });
    const pod = { ...old, status: { containerStatuses: [running] } } as unknown as Pod;
    const expected = [
      "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state",
    ];
    assert.deepEqual(show(validatePodStatusUpdate(pod, old)), allowed ? [] : expected);
  });
}

test("validatePodStatusUpdate judges conditions, nominations and addresses", () => {
  const old = podWith({ nodeName: "n" });
  const status = {
    conditions: [{ type: "a b", status: "True", observedGeneration: -1 }],
    nominatedNodeName: "other",
    podIPs: [{ ip: "1.2.3.4" }, { ip: "1.2.3.5" }],
    hostIP: "1.1.1.1",
    hostIPs: [{ ip: "2.2.2.2" }],
  };
  const causes = show(validatePodStatusUpdate({ ...old, status }, old));
  assert.deepEqual(
    causes.map((cause) => cause.split(": Invalid value", 1)[0]),
    [
      "status.conditions[0].observedGeneration",
      "status.conditions[0].Type",
      "status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node",
      "status.podIPs",
      "status.hostIPs[0].ip",
    ],
  );
});

test("validateEphemeralContainersUpdate keeps those that are there", () => {
  const old = podWith({ ephemeralContainers: [{ name: "e", image: "i" }] });
  const none = podWith({});
  assert.deepEqual(show(validateEphemeralContainersUpdate(none, old)), [
    'spec.ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be removed\n',
  ]);
  assert.deepEqual(validateEphemeralContainersUpdate(old, none), []);
});

const sized = (cpu: string, rest: Loose = {}): Loose => ({
  name: "c",
  image: "i",
  resources: { requests: { cpu }, limits: { cpu: "2" } },
  ...rest,
});

test("validateResize changes CPU and memory, and nothing else", () => {
  const old = podWith({ containers: [sized("1")] });
  assert.deepEqual(validateResize(podWith({ containers: [sized("1500m")] }), old), []);
  assert.deepEqual(show(validateResize(podWith({ containers: [sized("1", { image: "j" })] }), old)), [
    "spec: Forbidden: only cpu and memory resources are mutable",
  ]);
  assert.deepEqual(
    show(validateResize(podWith({ containers: [sized("1"), sized("1", { name: "d" })] }), old)),
    ["spec.containers: Forbidden: containers may not be added or removed on resize"],
  );
  assert.deepEqual(show(validateResize(podWith({}), old)), [
    'spec: Invalid value: "": Pod QOS Class may not change as a result of resizing',
    "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
    "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed",
  ]);
});
