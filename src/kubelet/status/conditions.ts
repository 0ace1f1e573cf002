/** The pod conditions that kubelet owns. Pure; reasons and messages are upstream's. @module */
import type { ContainerStatus, Pod, PodCondition } from "#api/core/v1/types.gen";
import { ALL_CONTAINERS_RESTARTING } from "../container/restart-all.ts";
import { containersOf, initContainersOf, isRestartableInit } from "../container/pod-spec.ts";
import type { PodPhase } from "./phase.ts";

type KubeletCondition =
  | "PodReadyToStartContainers"
  | "Initialized"
  | "Ready"
  | "ContainersReady"
  | "PodScheduled"
  | typeof ALL_CONTAINERS_RESTARTING;

/** Present only while they hold. */
const PASSING: ReadonlySet<string> = new Set(["PodResizePending", "PodResizeInProgress"]);

const OWNED: ReadonlySet<string> = new Set<KubeletCondition>([
  "PodReadyToStartContainers",
  "Initialized",
  "Ready",
  "ContainersReady",
  "PodScheduled",
  ALL_CONTAINERS_RESTARTING,
]);

export function isKubeletCondition(type: string): boolean {
  return OWNED.has(type) || PASSING.has(type);
}

/** Kubelet takes it away when it no longer holds. */
export function isPassingCondition(type: string): boolean {
  return PASSING.has(type);
}

export interface ConditionInput {
  readonly pod: Pod;
  readonly phase: PodPhase;
  /** Of regular and init containers. */
  readonly statuses: readonly ContainerStatus[];
  /** Conditions that others have set, for readiness gates. */
  readonly others: readonly PodCondition[];
  readonly hasSandbox: boolean;
  /** The last status said so: a pod does not become uninitialized, even while all its containers start again. */
  readonly wasInitialized: boolean;
  /** Of a pod whose containers may all be restarted by one of them. */
  readonly restarting: Value | undefined;
}

/** Of a condition, whatever its type. */
type Value = Pick<PodCondition, "status" | "reason" | "message">;

/** In upstream's order, without transition times. */
export function podConditions(input: ConditionInput): readonly PodCondition[] {
  const { generation } = input.pod.metadata;
  const containersReady = containersReadyValue(input);
  const { restarting } = input;
  const values: readonly (readonly [KubeletCondition, Value])[] = [
    ["PodReadyToStartContainers", { status: input.hasSandbox ? "True" : "False" }],
    ["Initialized", initializedValue(input)],
    ["Ready", readyValue(input, containersReady)],
    ["ContainersReady", containersReady],
    ["PodScheduled", { status: "True" }],
    ...(restarting === undefined ? [] : [[ALL_CONTAINERS_RESTARTING, restarting] as const]),
  ];
  return values.map(([type, value]) => ({
    type,
    ...(generation !== undefined && { observedGeneration: generation }),
    ...value,
  }));
}

function containersReadyValue({ pod, phase, statuses }: ConditionInput): Value {
  const unknown: string[] = [];
  const unready: string[] = [];
  for (const { name } of [...initContainersOf(pod).filter(isRestartableInit), ...containersOf(pod)]) {
    const status = statuses.find((s) => s.name === name);
    if (status === undefined) unknown.push(name);
    else if (!status.ready) unready.push(name);
  }
  if (phase === "Succeeded" && unknown.length === 0) return { status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  return notAll("ContainersNotReady", unknown, "unready", unready) ?? { status: "True" };
}

function readyValue({ pod, others }: ConditionInput, containersReady: Value): Value {
  if (containersReady.status !== "True") return containersReady;
  const messages = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = others.find(({ type }) => type === conditionType);
    const quoted = JSON.stringify(conditionType);
    if (condition === undefined) {
      return [`corresponding condition of pod readiness gate ${quoted} does not exist.`];
    }
    if (condition.status === "True") return [];
    return [`the status of pod readiness gate ${quoted} is not "True", but ${condition.status}`];
  });
  if (messages.length === 0) return { status: "True" };
  return { status: "False", reason: "ReadinessGatesNotReady", message: messages.join(", ") };
}

function initializedValue({ pod, phase, statuses, wasInitialized }: ConditionInput): Value {
  const unknown: string[] = [];
  const incomplete: string[] = [];
  for (const container of initContainersOf(pod)) {
    const status = statuses.find((s) => s.name === container.name);
    const done = isRestartableInit(container) ? status?.started === true : status?.ready === true;
    if (status === undefined) unknown.push(container.name);
    else if (!done) incomplete.push(container.name);
  }
  if (phase === "Succeeded" && unknown.length === 0) return { status: "True", reason: "PodCompleted" };
  if (wasInitialized || hasStarted(pod, statuses)) return { status: "True" };
  return notAll("ContainersNotInitialized", unknown, "incomplete", incomplete) ?? { status: "True" };
}

/** A regular container that runs or has run proves that initialisation is over. */
function hasStarted(pod: Pod, statuses: readonly ContainerStatus[]): boolean {
  return containersOf(pod).some(({ name }) => {
    const status = statuses.find((s) => s.name === name);
    return (
      status?.state?.running !== undefined ||
      status?.state?.terminated !== undefined ||
      status?.lastState?.terminated !== undefined
    );
  });
}

function notAll(
  reason: string,
  unknown: readonly string[],
  word: string,
  rest: readonly string[],
): Value | undefined {
  if (unknown.length === 0 && rest.length === 0) return undefined;
  const messages = [
    ...(unknown.length > 0 ? [`containers with unknown status: [${unknown.join(" ")}]`] : []),
    ...(rest.length > 0 ? [`containers with ${word} status: [${rest.join(" ")}]`] : []),
  ];
  return { status: "False", reason, message: messages.join(", ") };
}
