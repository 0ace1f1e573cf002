/** What is to be done about one claim, without clock, cache or network. @module */
import { keyOf, quote } from "#apimachinery";
import { givenStorageClass, storageClassOf } from "#api/core/v1/storage-class-name";
import type { Node, PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { isKeptFor } from "#api/core/v1/volume-match";
import { defaultClass } from "#api/storage/v1/default-class";
import type { StorageClass } from "#api/storage/v1/types.gen";
import {
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  hasAnnotation,
  isDelayed,
  SELECTED_NODE,
  STORAGE_PROVISIONER,
} from "../volume/claims.ts";
import { findMatch, whyNot } from "../volume/match.ts";

const NO_PROVISIONER = "kubernetes.io/no-provisioner";

export interface VolumeEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export type ClaimAction =
  | { readonly do: "nothing" }
  | { readonly do: "bind"; readonly volume: PersistentVolume }
  | { readonly do: "phase"; readonly phase: "Pending" | "Lost" }
  | { readonly do: "set-class"; readonly className: string }
  | { readonly do: "select-node"; readonly node: string }
  | { readonly do: "provision"; readonly provisioner: string };

export type ClaimPlan = ClaimAction & {
  readonly events: readonly VolumeEvent[];
  /** What cannot be put right here. */
  readonly error?: string;
};

export interface ClaimObserved {
  readonly volumes: readonly PersistentVolume[];
  readonly classes: readonly StorageClass[];
  /** Names of pods that use the claim and have no node yet. */
  readonly waitingPods: readonly string[];
  /** The node of a pod that uses the claim already. */
  readonly consumerNode: Node | undefined;
}

export function planClaim(claim: PersistentVolumeClaim, observed: ClaimObserved): ClaimPlan {
  if (hasAnnotation(claim, BIND_COMPLETED)) return planBound(claim, observed);
  if (claim.metadata.deletionTimestamp !== undefined) return { do: "nothing", events: [] };
  const name = claim.spec?.volumeName ?? "";
  return name === "" ? planUnbound(claim, observed) : planNamed(claim, name, observed);
}

/** No volume is named: one is found, or made, or waited for. */
function planUnbound(claim: PersistentVolumeClaim, observed: ClaimObserved): ClaimPlan {
  const { volumes, classes, consumerNode } = observed;
  const className = storageClassOf(claim);
  const storageClass = classes.find(({ metadata }) => metadata.name === className);
  const delayed = isDelayed(storageClass);
  const options = {
    isDelayed: delayed,
    ...(delayed && consumerNode !== undefined && { node: consumerNode }),
  };
  const volume = findMatch(claim, volumes, options);
  if (volume !== undefined) return { do: "bind", volume, events: [] };
  if (givenStorageClass(claim) === undefined) {
    const found = defaultClass(classes);
    if (found !== undefined) return { do: "set-class", className: found.metadata.name, events: [] };
  }
  if (delayed && !hasAnnotation(claim, SELECTED_NODE)) return planDelayed(claim, observed);
  if (className !== "") return planProvision(claim, className, storageClass);
  const message = "no persistent volumes available for this claim and no storage class is set";
  return pending({ type: "Normal", reason: "FailedBinding", message });
}

/** A pod that has a node without the scheduler's choice for the claim decides it. */
function planDelayed(claim: PersistentVolumeClaim, { waitingPods, consumerNode }: ClaimObserved): ClaimPlan {
  if (consumerNode !== undefined) return { do: "select-node", node: consumerNode.metadata.name, events: [] };
  if (waitingPods.length === 0) {
    const message = "waiting for first consumer to be created before binding";
    return pending({ type: "Normal", reason: "WaitForFirstConsumer", message });
  }
  const names = waitingPods.join(",");
  const message = `waiting for ${waitingPods.length > 1 ? "pods" : "pod"} ${names} to be scheduled`;
  return pending({ type: "Normal", reason: "WaitForPodScheduled", message });
}

/** Volumes are made by others, who are told by an annotation. */
function planProvision(
  claim: PersistentVolumeClaim,
  className: string,
  storageClass: StorageClass | undefined,
): ClaimPlan {
  const failed = (message: string): ClaimPlan =>
    pending({ type: "Warning", reason: "ProvisioningFailed", message });
  if (storageClass === undefined) return failed(`storageclass.storage.k8s.io ${quote(className)} not found`);
  const { provisioner } = storageClass;
  if (provisioner === NO_PROVISIONER) return failed(`no volume plugin matched name: ${provisioner}`);
  const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  const event: VolumeEvent = { type: "Normal", reason: "ExternalProvisioning", message };
  const isTold = claim.metadata.annotations?.[STORAGE_PROVISIONER] === provisioner;
  return isTold ? pending(event) : { do: "provision", provisioner, events: [event] };
}

/** The user, or an earlier step of this controller, named the volume. */
function planNamed(claim: PersistentVolumeClaim, name: string, { volumes }: ClaimObserved): ClaimPlan {
  const volume = volumes.find(({ metadata }) => metadata.name === name);
  if (volume === undefined) return pending();
  if (isKeptFor(volume, claim)) return { do: "bind", volume, events: [] };
  if (volume.spec?.claimRef !== undefined) {
    const message = `volume ${quote(name)} already bound to a different claim.`;
    const plan = pending({ type: "Warning", reason: "FailedBinding", message });
    if (!hasAnnotation(claim, BOUND_BY_CONTROLLER)) return plan;
    return {
      ...plan,
      do: "nothing",
      error: `invalid binding of claim ${quote(keyOf(claim))} to volume ${quote(name)}`,
    };
  }
  const problem = whyNot(volume, claim);
  if (problem === undefined) return { do: "bind", volume, events: [] };
  const message = `Cannot bind to requested volume ${quote(name)}: ${problem}`;
  return pending({ type: "Warning", reason: "VolumeMismatch", message });
}

/** The claim was bound once: if that is not so any more, its data is lost. */
function planBound(claim: PersistentVolumeClaim, { volumes }: ClaimObserved): ClaimPlan {
  const name = claim.spec?.volumeName ?? "";
  const lost = "Data on the volume is lost!";
  if (name === "")
    return lose(claim, "ClaimLost", `Bound claim has lost reference to PersistentVolume. ${lost}`);
  const volume = volumes.find(({ metadata }) => metadata.name === name);
  if (volume === undefined)
    return lose(claim, "ClaimLost", `Bound claim has lost its PersistentVolume. ${lost}`);
  const ref = volume.spec?.claimRef;
  if (ref === undefined || ref.uid === claim.metadata.uid) return { do: "bind", volume, events: [] };
  const message = "Two claims are bound to the same volume, this one is bound incorrectly";
  return lose(claim, "ClaimMisbound", message);
}

function lose({ status }: PersistentVolumeClaim, reason: string, message: string): ClaimPlan {
  if (status?.phase === "Lost") return { do: "nothing", events: [] };
  return { do: "phase", phase: "Lost", events: [{ type: "Warning", reason, message }] };
}

function pending(...events: readonly VolumeEvent[]): ClaimPlan {
  return { do: "phase", phase: "Pending", events };
}
