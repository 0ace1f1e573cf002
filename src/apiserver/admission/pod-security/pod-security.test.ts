import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Pod, PodSpec } from "#api/core/v1/types.gen";
import { describe, evaluatePod } from "./evaluate.ts";
import { warningsOfExisting } from "./existing-pods.ts";
import { formatLevel, readPolicy, type Level } from "./policy.ts";

const LATEST = Number.POSITIVE_INFINITY;

function spec(container: object = {}, more: object = {}): PodSpec {
  return { containers: [{ name: "a", image: "i", ...container }], ...more };
}

function violations(level: Level, of: PodSpec, minor = LATEST, annotations?: Record<string, string>): string {
  return describe(evaluatePod({ level, minor }, { metadata: annotations && { annotations }, spec: of }));
}

const secure = {
  securityContext: {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    runAsNonRoot: true,
    seccompProfile: { type: "RuntimeDefault" },
  },
};
const secured = (more: object): object => ({ securityContext: { ...secure.securityContext, ...more } });
const two = { initContainers: [{ name: "i", securityContext: { privileged: true } }] };

suite("evaluatePod()", () => {
  const baseline: readonly (readonly [spec: PodSpec, expected: string])[] = [
    [spec(), ""],
    [
      spec({ securityContext: { privileged: true } }, two),
      'privileged (containers "i", "a" must not set securityContext.privileged=true)',
    ],
    [
      spec({}, { hostNetwork: true, hostPID: true, hostIPC: true }),
      "host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)",
    ],
    [
      spec({ securityContext: { capabilities: { add: ["NET_ADMIN", "CHOWN"] } } }),
      'non-default capabilities (container "a" must not include "NET_ADMIN" in securityContext.capabilities.add)',
    ],
    [spec({}, { volumes: [{ name: "v", hostPath: { path: "/" } }] }), 'hostPath volumes (volume "v")'],
    [
      spec({
        ports: [
          { containerPort: 1, hostPort: 80 },
          { containerPort: 2, hostPort: 8080 },
        ],
      }),
      'hostPort (container "a" uses hostPorts 80, 8080)',
    ],
    [
      spec({ livenessProbe: { httpGet: { host: "h", port: 1 } } }),
      'probe or lifecycle host (container "a" uses probe or lifecycle host "h")',
    ],
    [
      spec({ securityContext: { procMount: "Unmasked" } }),
      'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ],
    [spec({ securityContext: { procMount: "Unmasked" } }, { hostUsers: false }), ""],
    [
      spec({ securityContext: { seLinuxOptions: { type: "x", user: "u" } } }),
      'seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "x"; user may not be set)',
    ],
    [
      spec({}, { securityContext: { seccompProfile: { type: "Unconfined" } } }),
      'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      spec(
        {},
        {
          securityContext: {
            sysctls: [
              { name: "a.b", value: "1" },
              { name: "net.ipv4.tcp_rmem", value: "1" },
            ],
          },
        },
      ),
      "forbidden sysctls (a.b)",
    ],
    [
      spec({ securityContext: { appArmorProfile: { type: "Unconfined" } } }),
      'forbidden AppArmor profile (container "a" must not set AppArmor profile type to "Unconfined")',
    ],
    [
      spec({}, { securityContext: { windowsOptions: { hostProcess: true } } }),
      "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
    ],
  ];
  for (const [of, expected] of baseline) {
    test(`evaluatePod() at baseline: ${expected === "" ? "nothing" : expected}`, () => {
      assert.equal(violations("baseline", of), expected);
      assert.equal(violations("privileged", of), "");
    });
  }

  const restricted: readonly (readonly [spec: PodSpec, expected: string])[] = [
    [spec(secure), ""],
    [
      spec(),
      'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), ' +
        'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), ' +
        'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), ' +
        'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ],
    [
      spec(secure, {
        volumes: [
          { name: "v", hostPath: { path: "/" } },
          { name: "n", nfs: {} },
          { name: "i", image: {} },
        ],
      }),
      'restricted volume types (volumes "v", "n" use restricted volume types "hostPath", "nfs")',
    ],
    [spec(secured({ runAsUser: 0 })), 'runAsUser=0 (container "a" must not set runAsUser=0)'],
    [spec(secured({ runAsUser: 0 }), { hostUsers: false }), ""],
    [
      spec(secured({ capabilities: { drop: ["ALL"], add: ["CHOWN", "NET_BIND_SERVICE"] } })),
      'unrestricted capabilities (container "a" must not include "CHOWN" in securityContext.capabilities.add)',
    ],
    [
      spec(secured({ procMount: "Unmasked" }), { hostUsers: false }),
      'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ],
  ];
  for (const [of, expected] of restricted) {
    test(`evaluatePod() at restricted: ${expected === "" ? "nothing" : expected}`, () => {
      assert.equal(violations("restricted", of), expected);
    });
  }

  test("evaluatePod() knows what older versions asked for", () => {
    const probe = spec({ livenessProbe: { httpGet: { host: "h", port: 1 } } });
    assert.equal(violations("baseline", probe, 33), "");
    const annotations = { "seccomp.security.alpha.kubernetes.io/pod": "unconfined" };
    assert.match(
      violations("baseline", spec(), 18, annotations),
      /forbidden annotation seccomp.*="unconfined"/,
    );
    assert.equal(violations("baseline", spec(), 19, annotations), "");
    const windows = spec({ securityContext: { runAsNonRoot: true } }, { os: { name: "windows" } });
    assert.equal(violations("restricted", windows, 25), "");
    assert.match(violations("restricted", windows, 24), /allowPrivilegeEscalation != false/);
  });
});

const labels = (given: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(given).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]),
  );

const show = (given: Readonly<Record<string, string>>): string => {
  const { policy, causes } = readPolicy(labels(given));
  const levels = [policy.enforce, policy.audit, policy.warn].map(formatLevel).join(" ");
  return `${levels} ${causes.map(({ message }) => message).join()}`.trim();
};

suite("readPolicy()", () => {
  test("readPolicy() warns of what is enforced, and fails closed for that alone", () => {
    assert.equal(show({}), "privileged:latest privileged:latest privileged:latest");
    assert.equal(
      show({ enforce: "baseline", "enforce-version": "v1.24" }),
      "baseline:v1.24 privileged:latest baseline:v1.24",
    );
    assert.equal(
      show({ enforce: "restricted", warn: "privileged", audit: "baseline" }),
      "restricted:latest baseline:latest privileged:latest",
    );
    assert.match(
      show({ enforce: "x" }),
      /^restricted:latest privileged:latest privileged:latest Invalid value: "x": must be one of/,
    );
    assert.match(
      show({ warn: "x", "warn-version": "v2" }),
      /^privileged:latest privileged:latest privileged:latest .*must be "latest" or "v1\.x"$/,
    );
  });
});

function pod(name: string, of: PodSpec): Pod {
  return { apiVersion: "v1", kind: "Pod", metadata: { name }, spec: of };
}

test("warningsOfExisting() counts pods that violate alike", () => {
  const pods = [
    pod("b", spec()),
    pod("a", spec()),
    pod("c", spec()),
    pod("ok", spec(secure)),
    pod("z", spec({}, { hostPID: true })),
  ];
  const common =
    "allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile";
  assert.deepEqual(
    warningsOfExisting("n", pods, { level: "restricted", minor: LATEST }, () => 0),
    [
      'existing pods in namespace "n" violate the new PodSecurity enforce level "restricted:latest"',
      `a (and 2 other pods): ${common}`,
      `z: host namespaces, ${common}`,
    ],
  );
});
