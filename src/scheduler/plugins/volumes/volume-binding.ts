/**
 * VolumeBinding: claims that wait for their first consumer are bound where the pod goes, to a volume that exists or one
 * that is made there; claims that are bound already keep the pod where their volumes are.
 * @module
 */
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { storageClassOf } from "#api/core/v1/storage-class-name";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { quote, type Clock } from "#apimachinery";
import type { Client, MetricsSink, SharedInformer } from "#client";
import { claimRefs } from "../../cache/claim-refs.ts";
import type { NodeInfo } from "../../cache/node-info.ts";
import type { VolumeBindingArgs } from "../../config/types.ts";
import type { CycleState, Plugin } from "../../framework/plugin.ts";
import { unresolvable, type Status } from "../../framework/status.ts";
import { candidatesFor, canProvision, findVolume, isReachable, type Candidates } from "./match-volume.ts";
import { isDelayed, isFullyBound, podClaims, type VolumeListers } from "./pod-claims.ts";
import { hasEnoughCapacity } from "./storage-capacity.ts";
import type { Decision, VolumePromises } from "./volume-promises.ts";

const NAME = "VolumeBinding";
const NODE_CONFLICT = unresolvable(NAME, "node(s) didn't match PersistentVolume's node affinity");
const BIND_CONFLICT = unresolvable(NAME, "node(s) didn't find available persistent volumes to bind");
const VOLUME_GONE = unresolvable(
  NAME,
  "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
);
const NOT_ENOUGH_SPACE = unresolvable(NAME, "node(s) did not have enough free storage");
const UNBOUND = unresolvable(NAME, "pod has unbound immediate PersistentVolumeClaims");
const SELECTED_NODE = "volume.kubernetes.io/selected-node";
const BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller";
export interface VolumeBindingParts {
  readonly client: Client;
  readonly clock: Clock;
  readonly listers: VolumeListers;
  readonly claimInformer: SharedInformer<PersistentVolumeClaim>;
  readonly args: VolumeBindingArgs;
  readonly promises: VolumePromises;
  readonly metrics: MetricsSink | undefined;
}

interface Claims {
  readonly bound: readonly PersistentVolumeClaim[];
  readonly delayed: readonly PersistentVolumeClaim[];
  /** Of delayed claims, those that were asked for. */
  readonly candidates: Map<PersistentVolumeClaim, Candidates>;
}

export function volumeBinding(parts: VolumeBindingParts): Plugin {
  const { listers, promises } = parts;
  const countFailed = (operation: "assume" | "bind"): void =>
    parts.metrics?.inc("scheduler_volume_scheduling_stage_error_total", { operation });
  return {
    name: NAME,
    preFilter(cycle, { pod }) {
      const claims = podClaims(pod, listers);
      if (typeof claims === "string") return { status: unresolvable(NAME, claims) };
      if (claims.length === 0) return { skip: true };
      const bound = claims.filter(isFullyBound);
      const open = claims.filter((claim) => !isFullyBound(claim));
      const canWait = (claim: PersistentVolumeClaim): boolean =>
        (claim.spec?.volumeName ?? "") === "" && isDelayed(claim, listers);
      if (!open.every(canWait)) return { status: UNBOUND };
      cycle.set(NAME, { bound, delayed: open, candidates: new Map() } satisfies Claims);
      return undefined;
    },
    filter(cycle, _pod, node) {
      const result = decide(cycle.get(NAME) as Claims, node, listers, promises);
      return "code" in result ? result : undefined;
    },
    reserve(cycle, _pod, nodeName, snapshot) {
      const claims = cycle.get(NAME) as Claims | undefined;
      if (claims === undefined || claims.delayed.length === 0) return undefined;
      const result = decide(claims, snapshot.get(nodeName)!, listers, promises);
      if ("code" in result) {
        countFailed("assume");
        return result;
      }
      cycle.set(DECISIONS, result);
      promises.make(result, nodeName);
      return undefined;
    },
    unreserve: (cycle) => promises.release(decisionsOf(cycle)),
    preBindPreFlight: (cycle) => (decisionsOf(cycle).length === 0 ? "skip" : undefined),
    async preBind(cycle, _pod, nodeName, signal) {
      const decisions = decisionsOf(cycle);
      if (decisions.length === 0) return undefined;
      try {
        await Promise.all(decisions.map((decision) => write(parts.client, decision, nodeName, signal)));
        await Promise.all(decisions.map(({ claim }) => untilBound(parts, claim, nodeName, signal)));
      } catch (err) {
        countFailed("bind");
        throw err;
      }
      return undefined;
    },
    postBind: (cycle) => promises.release(decisionsOf(cycle)),
    eventsToRegister: [
      { resource: "PersistentVolumeClaim", actions: ["add", "update"] },
      { resource: "PersistentVolume", actions: ["add", "update"] },
      { resource: "StorageClass", actions: ["add", "update"] },
      { resource: "CSINode", actions: ["add", "update"] },
      { resource: "CSIDriver", actions: ["update"] },
      { resource: "CSIStorageCapacity", actions: ["add", "update"] },
      { resource: "Node", actions: ["add", "update"], changes: ["UpdateNodeLabel"] },
    ],
    queueingHint: (event, { pod }) =>
      event.resource !== "PersistentVolumeClaim" || claimRefs(pod).some(({ key }) => key === event.key),
  };
}

const DECISIONS = "VolumeBinding.decisions";

function decisionsOf(cycle: CycleState): readonly Decision[] {
  return (cycle.get(DECISIONS) ?? []) as readonly Decision[];
}

function decide(
  { bound, delayed, candidates }: Claims,
  node: NodeInfo,
  listers: VolumeListers,
  promises: VolumePromises,
): readonly Decision[] | Status {
  for (const { spec } of bound) {
    const volume = listers.volumes.get(spec?.volumeName ?? "");
    if (volume === undefined) return VOLUME_GONE;
    if (!isReachable(volume, node)) return NODE_CONFLICT;
  }
  const decisions: Decision[] = [];
  for (const claim of delayed) {
    const isTaken = (volume: PersistentVolume): boolean =>
      promises.isToAnother(volume, claim) ||
      decisions.some((other) => other.volume?.metadata.name === volume.metadata.name);
    const find = (): PersistentVolume | undefined => {
      let own = candidates.get(claim);
      if (own === undefined) candidates.set(claim, (own = candidatesFor(claim, listers.volumes.list())));
      return findVolume(own, node, isTaken);
    };
    const decision = decideOne(claim, node, listers, find, promises.nodeOf(claim));
    if ("code" in decision) return decision;
    decisions.push(decision);
  }
  return decisions;
}

function decideOne(
  claim: PersistentVolumeClaim,
  node: NodeInfo,
  listers: VolumeListers,
  find: () => PersistentVolume | undefined,
  promisedNode: string | undefined,
): Decision | Status {
  const { classes } = listers;
  const selected = promisedNode ?? claim.metadata.annotations?.[SELECTED_NODE];
  if (selected !== undefined) return selected === node.name ? { claim, volume: undefined } : BIND_CONFLICT;
  const volume = find();
  if (volume !== undefined) return { claim, volume };
  const storageClass = classes.get(storageClassOf(claim));
  if (storageClass === undefined || !canProvision(storageClass, node)) return BIND_CONFLICT;
  if (!hasEnoughCapacity(claim, storageClass, node, listers)) return NOT_ENOUGH_SPACE;
  return { claim, volume: undefined };
}

/** The volume binder and the provisioner do the rest. */
async function write(
  client: Client,
  { claim, volume }: Decision,
  nodeName: string,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace, uid, resourceVersion } = claim.metadata;
  if (volume === undefined) {
    if (claim.metadata.annotations?.[SELECTED_NODE] === nodeName) return;
    const body = { metadata: { annotations: { [SELECTED_NODE]: nodeName } } };
    await client.patch(PersistentVolumeClaims, claim.metadata, { type: "merge", body }, signal);
    return;
  }
  const kept = volume.spec?.claimRef !== undefined;
  const claimRef = { apiVersion: "v1", kind: "PersistentVolumeClaim", name, namespace, uid, resourceVersion };
  const body = {
    metadata: {
      resourceVersion: volume.metadata.resourceVersion,
      ...(!kept && { annotations: { [BOUND_BY_CONTROLLER]: "yes" } }),
    },
    spec: { claimRef },
  };
  await client.patch(PersistentVolumes, { name: volume.metadata.name }, { type: "merge", body }, signal);
}

/** Rejects when the claim goes, when its provisioner gives the node back, and when it takes too long. */
async function untilBound(
  { claimInformer, clock, args }: VolumeBindingParts,
  claim: PersistentVolumeClaim,
  nodeName: string,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { uid, name } = claim.metadata;
  let wasSelected = false;
  const look = (now: PersistentVolumeClaim): void => {
    if (now.metadata.uid !== uid) return;
    if (isFullyBound(now)) return resolve();
    const isSelected = now.metadata.annotations?.[SELECTED_NODE] === nodeName;
    if (wasSelected && !isSelected)
      reject(new Error(`binding volumes: provisioning failed for PVC ${quote(name)}`));
    wasSelected = isSelected;
  };
  const onDelete = (gone: PersistentVolumeClaim): void => {
    if (gone.metadata.uid === uid) reject(new Error(`binding volumes: PVC ${quote(name)} was deleted`));
  };
  const onAbort = (): void => reject(signal.reason);
  const timer = clock.after(args.bindTimeoutSeconds * 1_000, () =>
    reject(new Error("binding volumes: context deadline exceeded")),
  );
  const remove = claimInformer.addEventHandler({ onAdd: look, onUpdate: look, onDelete });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
  } finally {
    timer.cancel();
    remove();
    signal.removeEventListener("abort", onAbort);
  }
}
