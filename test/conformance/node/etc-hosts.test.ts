/** The /etc/hosts of containers: written by kubelet, unless a container brings its own. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { createPod, idle, inside, untilReady } from "./running-pods.ts";

const MARK = "# Kubernetes-managed hosts file";
const containers = { containers: true } as const;

async function hostsOf(t: ContainersContext, pod: string, container: string): Promise<readonly string[]> {
  return (await inside(t, pod, container, "cat /etc/hosts")).split("\n");
}

conformance(
  "[sig-node] KubeletManagedEtcHosts should test kubelet managed /etc/hosts file [LinuxOnly] [NodeConformance]",
  containers,
  async (t) => {
    const own = { name: "hosts", mountPath: "/etc/hosts" };
    await createPod(t, "pod-network", {
      volumes: [{ name: "hosts", hostPath: { path: "/etc/hosts", type: "File" } }],
      containers: [idle("one"), idle("two"), idle("own", { volumeMounts: [own] })],
    });
    await createPod(t, "host-network", {
      hostNetwork: true,
      volumes: [{ name: "hosts", hostPath: { path: "/etc/hosts", type: "File" } }],
      containers: [idle("one"), idle("own", { volumeMounts: [own] })],
    });
    const pod = await untilReady(t, "pod-network");
    for (const name of ["one", "two"]) {
      const lines = await hostsOf(t, "pod-network", name);
      assert.equal(lines[0], `${MARK}.`);
      assert.ok(lines.includes("127.0.0.1\tlocalhost"), lines.join("\n"));
      assert.ok(lines.includes(`${pod.status?.podIP}\tpod-network`), lines.join("\n"));
    }
    const machines = await hostsOf(t, "pod-network", "own");
    assert.ok(!machines.some((line) => line.startsWith(MARK)), machines.join("\n"));

    await untilReady(t, "host-network");
    const onHost = await hostsOf(t, "host-network", "one");
    assert.equal(onHost[0], `${MARK} (host network).`);
    assert.deepEqual(onHost.slice(1), machines, "what the node says counts");
    assert.deepEqual(await hostsOf(t, "host-network", "own"), machines);
  },
);

conformance(
  "[sig-node] Kubelet when scheduling an agnhost Pod with hostAliases should write entries to /etc/hosts [NodeConformance]",
  containers,
  async (t) => {
    const hostAliases = [
      { ip: "123.45.67.89", hostnames: ["foo", "bar"] },
      { ip: "fd00::7", hostnames: ["six"] },
    ];
    await createPod(t, "p", { hostAliases, containers: [idle("main")] });
    const { status } = await t.waitFor(Pods, { namespace: t.namespace, name: "p" }, (pod) => {
      return pod?.status?.phase === "Running";
    });
    const lines = await hostsOf(t, "p", "main");
    for (const line of ["123.45.67.89\tfoo\tbar", "fd00::7\tsix", `${status?.podIP}\tp`])
      assert.ok(lines.includes(line), lines.join("\n"));
  },
);
