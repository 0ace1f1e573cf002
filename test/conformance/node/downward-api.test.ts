/** What a container is told about its pod, its node and its limits by variables. */
import assert from "node:assert/strict";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Container, EnvVar, Node, Pod } from "#api/core/v1/types.gen";
import { parseQuantity, quantityValue } from "#apimachinery";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { look } from "../storage/volume-pods.ts";

interface Told {
  readonly values: readonly string[];
  readonly pod: Pod;
  readonly node: Node;
}

/** The values of the variables, in their order. */
async function tell(
  t: ContainersContext,
  env: readonly EnvVar[],
  container: Partial<Container> = {},
): Promise<Told> {
  const script = env.map(({ name }) => `echo "$${name}"`).join("\n");
  const shown = await look(t, "p", { container: { ...container, env }, script });
  const pod = await t.client.get(Pods, { namespace: t.namespace, name: "p" }, t.signal);
  const node = await t.client.get(Nodes, { name: pod.spec!.nodeName! }, t.signal);
  return { values: shown.trimEnd().split("\n"), pod, node };
}

function field(name: string, fieldPath: string): EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

function resource(name: string, what: string, divisor?: string): EnvVar {
  return {
    name,
    valueFrom: { resourceFieldRef: { resource: what, ...(divisor !== undefined && { divisor }) } },
  };
}

function internalIPs({ status }: Node): readonly string[] {
  return (status?.addresses ?? []).flatMap(({ type, address }) => (type === "InternalIP" ? [address] : []));
}

const API = "[sig-node] Downward API should provide";
const containers = { containers: true } as const;

conformance(
  `${API} pod name, namespace and IP address as env vars [NodeConformance]`,
  containers,
  async (t) => {
    const env = [
      field("NAME", "metadata.name"),
      field("NAMESPACE", "metadata.namespace"),
      field("IP", "status.podIP"),
    ];
    const { values, pod } = await tell(t, env);
    assert.match(pod.status?.podIP ?? "", /^\d+\.\d+\.\d+\.\d+$/);
    assert.deepEqual(values, ["p", t.namespace, pod.status?.podIP]);
  },
);

conformance(`${API} pod UID as env vars [NodeConformance]`, containers, async (t) => {
  const { values, pod } = await tell(t, [field("POD_UID", "metadata.uid")]);
  assert.deepEqual(values, [pod.metadata.uid]);
});

conformance(`${API} host IP as an env var [NodeConformance]`, containers, async (t) => {
  const { values, node } = await tell(t, [field("HOST_IP", "status.hostIP")]);
  assert.deepEqual(values, internalIPs(node).slice(0, 1));
});

conformance(`${API} hostIPs as an env var`, containers, async (t) => {
  const { values, node, pod } = await tell(t, [field("HOST_IPS", "status.hostIPs")]);
  assert.deepEqual(values, [internalIPs(node).join(",")]);
  assert.equal(pod.status?.hostIPs?.map(({ ip }) => ip).join(","), values[0]);
});

conformance(
  `${API} container's limits.cpu/memory and requests.cpu/memory as env vars [NodeConformance]`,
  containers,
  async (t) => {
    const resources = { limits: { cpu: "1250m", memory: "64Mi" }, requests: { cpu: "250m", memory: "32Mi" } };
    const env = [
      resource("CPU_LIMIT", "limits.cpu"),
      resource("CPU_LIMIT_M", "limits.cpu", "1m"),
      resource("CPU_REQUEST", "requests.cpu"),
      resource("CPU_REQUEST_M", "requests.cpu", "1m"),
      resource("MEMORY_LIMIT", "limits.memory"),
      resource("MEMORY_REQUEST", "requests.memory", "1Mi"),
    ];
    const { values } = await tell(t, env, { resources });
    assert.deepEqual(values, ["2", "1250", "1", "250", "67108864", "32"]);
  },
);

conformance(
  `${API} default limits.cpu/memory from node allocatable [NodeConformance]`,
  containers,
  async (t) => {
    const { values, node } = await tell(t, [
      resource("CPU", "limits.cpu"),
      resource("MEMORY", "limits.memory"),
    ]);
    const { cpu = "", memory = "" } = node.status?.allocatable ?? {};
    assert.deepEqual(
      values.map(Number),
      [cpu, memory].map((text) => quantityValue(parseQuantity(text))),
    );
  },
);
