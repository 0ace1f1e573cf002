/** The small filters: gates, node name, unschedulable nodes, taints, host ports. @module */
import { tolerates, toleratesAll } from "#api/core/v1/tolerations";
import type { Taint, Toleration } from "#api/core/v1/types.gen";
import type { NodeInfo } from "../cache/node-info.ts";
import type { HostPort, PodInfo } from "../cache/pod-info.ts";
import type { Plugin } from "../framework/plugin.ts";
import { unresolvable, unschedulable } from "../framework/status.ts";
import { eventPod } from "./event-pod.ts";
import { reverseNormalize } from "./scores.ts";

export const schedulingGates: Plugin = {
  name: "SchedulingGates",
  preEnqueue({ pod }) {
    const gates = (pod.spec?.schedulingGates ?? []).map(({ name }) => name);
    if (gates.length === 0) return undefined;
    return unresolvable(this.name, `waiting for scheduling gates: [${gates.join(" ")}]`);
  },
  eventsToRegister: [{ resource: "UnscheduledPod", actions: ["update"] }],
  queueingHint: (event, pod) => event.pod?.new?.metadata.uid === pod.uid,
};

const WRONG_NODE = unresolvable("NodeName", "node(s) didn't match the requested node name");

export const nodeName: Plugin = {
  name: "NodeName",
  preFilter: (_state, { pod }) => ((pod.spec?.nodeName ?? "") === "" ? { skip: true } : undefined),
  filter: (_state, { pod }, node) => (pod.spec?.nodeName === node.name ? undefined : WRONG_NODE),
  sign: ({ pod }) => pod.spec?.nodeName ?? "",
  eventsToRegister: [{ resource: "Node", actions: ["add"] }],
  queueingHint: (event, { pod }) => event.node?.new?.metadata.name === pod.spec?.nodeName,
};

const UNSCHEDULABLE_TAINT = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
const NODE_UNSCHEDULABLE = unresolvable("NodeUnschedulable", "node(s) were unschedulable");

export const nodeUnschedulable: Plugin = {
  name: "NodeUnschedulable",
  filter(_state, { pod }, node) {
    if (!node.isUnschedulable) return undefined;
    const isTolerated = (pod.spec?.tolerations ?? []).some((t) => tolerates(t, UNSCHEDULABLE_TAINT));
    return isTolerated ? undefined : NODE_UNSCHEDULABLE;
  },
  sign: signTolerations,
  eventsToRegister: [{ resource: "Node", actions: ["add", "update"], changes: ["UpdateNodeTaint"] }],
  queueingHint: (event) => event.node?.new?.spec?.unschedulable !== true,
};

const UNTOLERATED = unresolvable("TaintToleration", "node(s) had untolerated taint(s)");
const SOFT_TOLERATIONS = "TaintToleration.soft";

export const taintToleration: Plugin = {
  name: "TaintToleration",
  filter(_state, { pod }, node) {
    if (node.hardTaints.length === 0) return undefined;
    return toleratesAll(pod.spec?.tolerations ?? [], node.hardTaints) ? undefined : UNTOLERATED;
  },
  sign: signTolerations,
  preScore(state, { pod }, nodes) {
    if (nodes.every((node) => node.softTaints.length === 0)) return "skip";
    const soft = (pod.spec?.tolerations ?? []).filter(
      ({ effect = "" }) => effect === "" || effect === "PreferNoSchedule",
    );
    state.set(SOFT_TOLERATIONS, soft);
    return undefined;
  },
  /** Counts what the pod does not tolerate; fewer is better. */
  score(state, _pod, node) {
    const soft = state.get(SOFT_TOLERATIONS) as readonly Toleration[];
    return node.softTaints.filter((taint) => !soft.some((toleration) => tolerates(toleration, taint))).length;
  },
  normalizeScore: (_state, scores) => reverseNormalize(scores),
  eventsToRegister: [{ resource: "Node", actions: ["add", "update"], changes: ["UpdateNodeTaint"] }],
  queueingHint: ({ node }, { pod }) =>
    node?.new !== undefined &&
    toleratesAll(pod.spec?.tolerations ?? [], (node.new.spec?.taints ?? []).filter(isHard)),
};

function signTolerations({ pod }: PodInfo): string {
  return JSON.stringify(pod.spec?.tolerations ?? []);
}

function isHard({ effect }: Taint): boolean {
  return effect === "NoSchedule" || effect === "NoExecute";
}

const PORTS_IN_USE = unschedulable("NodePorts", "node(s) didn't have free ports for the requested pod ports");
const ANY_ADDRESS = "0.0.0.0";

export const nodePorts: Plugin = {
  name: "NodePorts",
  preFilter: (_state, pod) => (pod.hostPorts.length === 0 ? { skip: true } : undefined),
  filter: (_state, pod, node) =>
    pod.hostPorts.some((port) => isInUse(port, node)) ? PORTS_IN_USE : undefined,
  sign: ({ hostPorts }) => JSON.stringify(hostPorts),
  eventsToRegister: [
    { resource: "AssignedPod", actions: ["delete"] },
    { resource: "Node", actions: ["add"] },
  ],
  queueingHint: (event, { hostPorts }) =>
    event.resource === "Node" ||
    (eventPod(event, "old")?.hostPorts ?? []).some((freed) =>
      hostPorts.some(({ protocol, port }) => freed.protocol === protocol && freed.port === port),
    ),
};

/** Every address overlaps 0.0.0.0. */
function isInUse({ ip, protocol, port }: HostPort, node: NodeInfo): boolean {
  const users = node.usedPorts.get(`${protocol} ${port}`);
  if (users === undefined) return false;
  return ip === ANY_ADDRESS || users.has(ip) || users.has(ANY_ADDRESS);
}
