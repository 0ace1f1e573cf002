/** As whom containers run, what they may write, and what they may not become. */
import assert from "node:assert/strict";
import type { PodSecurityContext, SecurityContext } from "#api/core/v1/types.gen";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { look } from "../storage/volume-pods.ts";
import { createPod, sh, statusOf, untilEnded } from "./running-pods.ts";

const CONTEXT = "[sig-node] Security Context";
const LINUX = "[LinuxOnly] [NodeConformance]";
const containers = { containers: true } as const;

async function shown(
  t: ContainersContext,
  script: string,
  own: SecurityContext,
  pod: PodSecurityContext = {},
  name = "p",
): Promise<string> {
  const text = await look(t, name, {
    script,
    container: { securityContext: own },
    spec: { securityContext: pod },
  });
  return text.trimEnd();
}

conformance(
  `${CONTEXT} When creating a container with runAsUser should run the container with uid 65534 ${LINUX}`,
  containers,
  async (t) => {
    assert.equal(await shown(t, "id -u", { runAsUser: 65534 }, { runAsUser: 1000 }), "65534");
  },
);

conformance(
  `${CONTEXT} should support container.SecurityContext.RunAsUser And container.SecurityContext.RunAsGroup [LinuxOnly]`,
  containers,
  async (t) => {
    const own = { runAsUser: 1001, runAsGroup: 2002 };
    const pod = { runAsUser: 1000, runAsGroup: 2000 };
    const script = "id -u; id -g; touch /dev/shm/file; stat -c '%u %g' /dev/shm/file";
    assert.equal(await shown(t, script, own, pod), "1001\n2002\n1001 2002");
  },
);

conformance(
  `${CONTEXT} should support pod.Spec.SecurityContext.RunAsUser And pod.Spec.SecurityContext.RunAsGroup [LinuxOnly]`,
  containers,
  async (t) => {
    const pod = { runAsUser: 1001, runAsGroup: 2002 };
    assert.equal(await shown(t, "id -u; id -g", {}, pod), "1001\n2002");
  },
);

conformance(
  `${CONTEXT} When creating a pod with privileged should run the container as unprivileged when false ${LINUX}`,
  containers,
  async (t) => {
    const script = "if ip link set lo mtu 60000 2>/dev/null; then echo may; else echo may not; fi";
    assert.equal(await shown(t, script, { privileged: false }), "may not");
    assert.equal(await shown(t, script, { privileged: true }, {}, "privileged"), "may");
  },
);

const ROOT_FILE = "if echo x 2>/dev/null >/checkfile; then cat /checkfile; else echo read-only; fi";

conformance(
  `${CONTEXT} When creating a pod with readOnlyRootFilesystem should run the container with writable rootfs when readOnlyRootFilesystem=false [NodeConformance]`,
  containers,
  async (t) => {
    assert.equal(await shown(t, ROOT_FILE, { readOnlyRootFilesystem: false }), "x");
  },
);

conformance(
  "[sig-node] Kubelet when scheduling a read only busybox container should not write to root filesystem [LinuxOnly] [NodeConformance]",
  containers,
  async (t) => {
    assert.equal(await shown(t, ROOT_FILE, { readOnlyRootFilesystem: true }), "read-only");
  },
);

/** The machine's own programs and what they need: the image has none that heeds its setuid bit. */
const LIBRARIES = ["/lib", "/lib64", "/usr/lib", "/usr/bin"];

/** Who a user becomes by a program of root's that has the setuid bit. */
async function becomes(
  t: ContainersContext,
  name: string,
  allowPrivilegeEscalation: boolean,
): Promise<string> {
  const system = LIBRARIES.map((path, i) => ({ name: `system-${i}`, hostPath: { path } }));
  const mounts = LIBRARIES.map((mountPath, i) => ({ name: `system-${i}`, mountPath, readOnly: true }));
  const volumeMounts = [...mounts, { name: "work", mountPath: "/work" }];
  const securityContext = { runAsUser: 1000, allowPrivilegeEscalation };
  const script = "{ /work/id -u; grep NoNewPrivs /proc/self/status; } >/dev/termination-log";
  await createPod(t, name, {
    restartPolicy: "Never",
    volumes: [...system, { name: "work", emptyDir: {} }],
    initContainers: [sh("prepare", "cp /usr/bin/id /work/id && chmod 4755 /work/id", { volumeMounts })],
    containers: [sh("main", script, { volumeMounts, securityContext })],
  });
  const pod = await untilEnded(t, name, "Succeeded");
  return statusOf(pod, "main").state?.terminated?.message ?? "";
}

conformance(
  `${CONTEXT} when creating containers with AllowPrivilegeEscalation should not allow privilege escalation when false ${LINUX}`,
  containers,
  async (t) => {
    assert.equal(await becomes(t, "may-not", false), "1000\nNoNewPrivs:\t1\n");
    assert.equal(await becomes(t, "may", true), "0\nNoNewPrivs:\t0\n");
  },
);
