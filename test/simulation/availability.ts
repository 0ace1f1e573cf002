/**
 * What a decision may cost in pods that serve, judged in one view of the cluster: pods that became unready by themselves, or
 * that others took away, do not count against who decided, since the view shows them.
 * @module
 */
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from "#api/apps/v1/types.gen";
import type { Node, Pod } from "#api/core/v1/types.gen";
import { controllerOf, scaledValueFromIntOrPercent, type KubeObject } from "#apimachinery";
import { isReady, isTerminal } from "./kubelets.ts";

export interface View {
  /** The object that was reconciled. */
  readonly owner: KubeObject;
  readonly replicaSets: readonly ReplicaSet[];
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  /** Uids of pods that the cache may still show, though their deletion is confirmed. */
  readonly gone: ReadonlySet<string>;
}

/** What one reconcile has written so far, by name and in order. */
export interface Writes {
  readonly resized: ReadonlyMap<string, number>;
  readonly deleted: readonly string[];
}

const DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas";
const UNSCHEDULABLE = "node.kubernetes.io/unschedulable";
const REVISION = "controller-revision-hash";

/** A rolling update takes no available pod below replicas less maxUnavailable. Resizing by a user is another matter. */
export function deploymentBreaks({ owner, replicaSets }: View, { resized }: Writes): string | undefined {
  const { replicas = 1, strategy, paused } = (owner as Deployment).spec!;
  const last = [...resized.keys()].at(-1);
  if (last === undefined || paused === true || strategy?.type === "Recreate") return undefined;
  const own = replicaSets.filter((set) => isControlledBy(set, owner));
  const isResized = ({ metadata, spec }: ReplicaSet): boolean =>
    spec?.replicas !== 0 && metadata.annotations?.[DESIRED_REPLICAS] !== String(replicas);
  if (own.some(isResized)) return undefined;
  const { maxSurge = 0, maxUnavailable = 0 } = strategy?.rollingUpdate ?? {};
  const surge = scaledValueFromIntOrPercent(maxSurge, replicas, true);
  const missing = scaledValueFromIntOrPercent(maxUnavailable, replicas, false);
  const least = replicas - (surge === 0 && missing === 0 ? 1 : missing);
  const serving = (isDone: (name: string) => boolean): number =>
    sum(own, ({ metadata: { name }, spec, status }) => {
      const size = (isDone(name) ? resized.get(name) : undefined) ?? spec?.replicas ?? 1;
      return Math.min(status?.availableReplicas ?? 0, size);
    });
  const after = serving(() => true);
  if (after >= least || after >= serving((name) => name !== last)) return undefined;
  return `resizing ${last} to ${resized.get(last)} leaves ${after} available pods, at least ${least} are promised`;
}

/** A pod that serves goes only after all that do not. */
export function replicaSetBreaks(view: View, { deleted }: Writes): string | undefined {
  const own = podsOf(view).filter((pod) => isActive(view, pod));
  const isVictim = ({ metadata }: Pod): boolean => deleted.includes(metadata.name);
  const victim = own.find((pod) => isVictim(pod) && isReady(pod));
  const spared = own.find((pod) => !isVictim(pod) && !isReady(pod));
  if (victim === undefined || spared === undefined) return undefined;
  return `deletes ${victim.metadata.name}, which serves, and spares ${spared.metadata.name}, which does not`;
}

/** Without surge at most maxUnavailable nodes lack a pod that serves; with surge a node's pod goes only when the next one serves. */
export function daemonSetBreaks(view: View, { deleted }: Writes): string | undefined {
  const before = podsOf(view).filter(
    (pod) => isActive(view, pod) && !deleted.slice(0, -1).includes(pod.metadata.name),
  );
  const victim = before.find(({ metadata }) => metadata.name === deleted.at(-1));
  const nodes = view.nodes.filter(mayRunDaemons).map(({ metadata }) => metadata.name);
  if (victim === undefined || !isReady(victim) || !nodes.includes(daemonNodeOf(victim) ?? ""))
    return undefined;
  const node = daemonNodeOf(victim)!;
  const after = before.filter((pod) => pod !== victim);
  const others = after.filter((pod) => daemonNodeOf(pod) === node);
  const rolling = (view.owner as DaemonSet).spec?.updateStrategy?.rollingUpdate;
  const surge = scaledValueFromIntOrPercent(rolling?.maxSurge ?? 0, nodes.length, true);
  const [other] = others;
  if (other !== undefined) {
    // Whatever is too many goes, the younger first; only the older of two revisions waits for the other.
    const isReplaced = surge > 0 && others.length === 1 && isOlder(victim, other) && !isAlike(victim, other);
    return !isReplaced || isReady(other)
      ? undefined
      : `deletes ${victim.metadata.name} before ${other.metadata.name} serves`;
  }
  const most =
    surge > 0 ? 0 : scaledValueFromIntOrPercent(rolling?.maxUnavailable ?? 1, nodes.length, true) || 1;
  const down = nodes.filter((name) => !after.some((pod) => daemonNodeOf(pod) === name && isReady(pod)));
  if (down.length <= most) return undefined;
  return `deleting ${victim.metadata.name} leaves ${down.length} nodes without a pod that serves, at most ${most} may be`;
}

/** An update takes one pod after the other, or leaves at most maxUnavailable missing; ordered sets shrink from the top. */
export function statefulSetBreaks(view: View, { deleted }: Writes): string | undefined {
  const { replicas = 1, podManagementPolicy, updateStrategy } = (view.owner as StatefulSet).spec!;
  const isOrdered = podManagementPolicy !== "Parallel";
  const pods = podsOf(view);
  const name = deleted.at(-1);
  const victim = pods.find(({ metadata }) => metadata.name === name);
  const serves = (pod: Pod): boolean =>
    isActive(view, pod) && isReady(pod) && !deleted.slice(0, -1).includes(pod.metadata.name);
  if (victim === undefined || !serves(victim)) return undefined;
  const ordinal = ordinalOf(victim);
  const { partition = 0, maxUnavailable } = updateStrategy?.rollingUpdate ?? {};
  if (ordinal >= replicas) {
    const higher = pods.find((pod) => ordinalOf(pod) > ordinal);
    if (!isOrdered || higher === undefined) return undefined;
    return `deletes ${name} while ${higher.metadata.name} is there`;
  }
  if (ordinal < partition) return `deletes ${name}, which the partition ${partition} keeps`;
  const up = new Set(pods.filter((pod) => pod !== victim && serves(pod)).map(ordinalOf));
  const down = Array.from({ length: replicas }, (_, i) => i).filter((i) => i !== ordinal && !up.has(i));
  if (maxUnavailable !== undefined) {
    const most = Math.max(scaledValueFromIntOrPercent(maxUnavailable, replicas, false), 1);
    if (down.length < most) return undefined;
    return `deleting ${name} leaves ${down.length + 1} pods that do not serve, at most ${most} may be`;
  }
  const inTheWay = down.find((i) => isOrdered || i > ordinal);
  return inTheWay === undefined ? undefined : `deletes ${name} while ${inTheWay} does not serve`;
}

/** Daemons start on nodes that are cordoned or under pressure, not on those that are not ready or out of reach. */
function mayRunDaemons({ spec }: Node): boolean {
  return (spec?.taints ?? []).every(({ key, effect }) => effect !== "NoSchedule" || key === UNSCHEDULABLE);
}

export function ordinalOf({ metadata }: KubeObject): number {
  return Number(metadata.name.slice(metadata.name.lastIndexOf("-") + 1));
}

/** Where a daemon's pod is meant to run, bound or not. */
export function daemonNodeOf(pod: Pod): string | undefined {
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required?.nodeSelectorTerms?.[0]?.matchFields?.[0]?.values?.[0] ?? pod.spec?.nodeName;
}

/** Those that the selector finds: others are not the owner's any more, whatever they say. */
function podsOf({ owner, pods }: View): readonly Pod[] {
  const { selector } = (owner as ReplicaSet).spec!;
  const labels = Object.entries(selector?.matchLabels ?? {});
  const isFound = ({ metadata }: Pod): boolean =>
    labels.every(([key, value]) => metadata.labels?.[key] === value);
  return pods.filter((pod) => isControlledBy(pod, owner) && isFound(pod));
}

function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

function isActive({ gone }: View, pod: Pod): boolean {
  const { deletionTimestamp, uid = "" } = pod.metadata;
  return !isTerminal(pod) && deletionTimestamp === undefined && !gone.has(uid);
}

function isOlder({ metadata: a }: Pod, { metadata: b }: Pod): boolean {
  return (a.creationTimestamp ?? "") < (b.creationTimestamp ?? "");
}

function isAlike({ metadata: a }: Pod, { metadata: b }: Pod): boolean {
  return a.labels?.[REVISION] === b.labels?.[REVISION];
}

function sum<T>(all: readonly T[], value: (one: T) => number): number {
  return all.reduce((total, one) => total + value(one), 0);
}
