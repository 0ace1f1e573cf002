/** Host ports: pods of one node may have the same one, if address or protocol differ, and each is reached by its own. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { ask, nodesOf, serverPod, startClient, startServer } from "./net-pods.ts";

const HOST_PORT = 54_323;

interface Taken {
  readonly name: string;
  readonly hostIP: string;
  readonly protocol: "TCP" | "UDP";
}

async function startOn(t: ContainersContext, nodeName: string, taken: Taken): Promise<void> {
  const { name, hostIP, protocol } = taken;
  const ports = [{ containerPort: 8080, hostPort: HOST_PORT, hostIP, protocol }];
  await startServer(t, name, {
    serves: ["http:8080", "udp:8080"],
    container: { ports },
    // the scheduler judges, unlike for a pod that names its node
    spec: { nodeSelector: { "kubernetes.io/hostname": nodeName } },
  });
}

conformance(
  "[sig-network] HostPort validates that there is no conflict between pods with same hostPort but different hostIP and protocol [LinuxOnly]",
  { containers: true },
  async (t) => {
    const nodes = await nodesOf(t);
    const [node, other] = nodes;
    assert.ok(node !== undefined && other !== undefined);
    const taken: readonly Taken[] = [
      { name: "local", hostIP: "127.0.0.1", protocol: "TCP" },
      { name: "node-tcp", hostIP: node.ip, protocol: "TCP" },
      { name: "node-udp", hostIP: node.ip, protocol: "UDP" },
    ];
    await Promise.all([
      ...taken.map((one) => startOn(t, node.name, one)),
      startClient(t, "on-node", { nodeName: node.name, spec: { hostNetwork: true } }),
      startClient(t, "elsewhere", { nodeName: other.name }),
    ]);
    const byNode = [
      { url: `http://${node.ip}:${HOST_PORT}`, answers: ["node-tcp"] },
      { url: `udp://${node.ip}:${HOST_PORT}`, answers: ["node-udp"] },
    ];
    await ask(t, "on-node", { url: `http://127.0.0.1:${HOST_PORT}`, answers: ["local"] }, ...byNode);
    await ask(t, "elsewhere", ...byNode);
    await ask(t, "on-node", { url: `udp://127.0.0.1:${HOST_PORT}`, answers: ["ECONNREFUSED"] });

    // the same address and protocol once more does not fit
    const clash = serverPod(t, "clash", {
      container: { ports: [{ containerPort: 8080, hostPort: HOST_PORT, hostIP: node.ip }] },
      spec: { nodeSelector: { "kubernetes.io/hostname": node.name } },
    });
    await t.client.create(Pods, clash, t.signal);
    await t.waitFor(Pods, clash.metadata, (pod) =>
      (pod?.status?.conditions ?? []).some(({ reason }) => reason === "Unschedulable"),
    );
    // a port that goes with its pod is closed
    await t.client.delete(Pods, { namespace: t.namespace, name: "node-udp" }, t.signal);
    await ask(t, "elsewhere", { url: `udp://${node.ip}:${HOST_PORT}`, answers: ["ECONNREFUSED"] });
  },
);
