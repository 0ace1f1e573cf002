/** A node that one test has to itself, and pods that fit on no other. @module */
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Pod, PodSpec } from "#api/core/v1/types.gen";
import { PriorityClasses } from "#api/scheduling/v1/priorityclass";
import { CONTAINER, newPod, type ConformanceContext, type SimulatedContext } from "../harness/index.ts";

export interface OwnNode {
  readonly name: string;
  /** A pod that only this node takes, and that asks for so many CPUs. */
  newPod(name: string, cpus: number, spec?: Partial<PodSpec>): Pod;
}

const HOSTNAME = "kubernetes.io/hostname";

/** Goes when the test ends. Its CPUs are all there for pods. */
export async function startOwnNode(t: SimulatedContext, cpus: number): Promise<OwnNode> {
  const key = `${t.unique}/own`;
  const taints = [{ key, effect: "NoSchedule" }] as const;
  const node = await t.cluster.addNode({ name: t.unique, machine: { cpus }, taints });
  t.cleanup(async (undoing) => {
    await node.stop();
    await t.client.delete(Nodes, { name: node.name }, undoing);
  });
  return {
    name: node.name,
    newPod(name, wanted, spec = {}) {
      const resources = { requests: { cpu: String(wanted) } };
      const tolerations = [{ key, operator: "Exists" }];
      const nodeSelector = { [HOSTNAME]: node.name };
      return {
        ...newPod(t, name),
        spec: { containers: [{ ...CONTAINER, resources }], tolerations, nodeSelector, ...spec },
      };
    },
  };
}

/** Of a value; its name is what resolves. */
export async function newPriority(t: ConformanceContext, value: number): Promise<string> {
  const name = `${t.unique}-${value}`;
  const body = {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    value,
  } as const;
  await t.client.create(PriorityClasses, body, t.signal);
  t.cleanup((undoing) => t.client.delete(PriorityClasses, { name }, undoing));
  return name;
}

export async function untilRunning(t: ConformanceContext, { metadata: { name } }: Pod): Promise<Pod> {
  const ref = { namespace: t.namespace, name };
  return t.waitFor(Pods, ref, (pod) => pod?.status?.phase === "Running");
}

/** What the scheduler says of a pod that it has no node for. */
export async function untilRefused(t: ConformanceContext, { metadata: { name } }: Pod): Promise<string> {
  const pod = await t.waitFor(Pods, { namespace: t.namespace, name }, (now) =>
    (now?.status?.conditions ?? []).some(
      (one) => one.type === "PodScheduled" && one.reason === "Unschedulable",
    ),
  );
  return pod.status?.conditions?.find(({ type }) => type === "PodScheduled")?.message ?? "";
}
