/** Carries out what a StatefulSet's plan says about one pod, with the events that tell of it. @module */
import { isAlreadyExists, isNotFound, messageOf } from "#apimachinery";
import type { StatefulSet } from "#api/apps/v1/types.gen";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import type { PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import type { ControllerContext } from "#controller-runtime";
import { hasStorage, newClaims, withIdentity } from "./identity.ts";
import type { Step } from "./plan.ts";
import { ownersByPolicy, planClaimOwners } from "./retention.ts";

export interface StatefulPodControl {
  readonly context: ControllerContext;
  readonly claim: (set: StatefulSet, name: string) => PersistentVolumeClaim | undefined;
  readonly created: (pod: Pod) => void;
  readonly deleted: (pod: Pod) => void;
}

export async function carryOut(
  control: StatefulPodControl,
  set: StatefulSet,
  step: Step,
  signal: AbortSignal,
): Promise<void> {
  switch (step.do) {
    case "create":
      return await create(control, set, step, signal);
    case "delete":
      return await remove(control, set, step.pod, signal);
    case "claims":
      await createClaims(control, set, step, signal);
      return await fixOwners(control, set, step, signal);
    case "owners":
      return await fixOwners(control, set, step, signal);
    case "repair":
      return await told(control, set, step.pod, "Update", () => repair(control, set, step, signal));
  }
}

/** Claims first: a pod that names a claim which does not exist cannot start. */
async function create(
  control: StatefulPodControl,
  set: StatefulSet,
  step: Step,
  signal: AbortSignal,
): Promise<void> {
  const { client } = control.context;
  try {
    await told(control, set, step.pod, "Create", async () => {
      await createClaims(control, set, step, signal);
      control.created(await client.create(Pods, step.pod, signal));
    });
  } catch (err) {
    // The cache was behind, or someone else's pod has the name: the next reconcile sees which.
    if (!isAlreadyExists(err)) throw err;
    throw new Error(`Pod ${step.pod.metadata.name} of StatefulSet ${set.metadata.name} exists already`, {
      cause: err,
    });
  }
}

async function remove(
  control: StatefulPodControl,
  set: StatefulSet,
  pod: Pod,
  signal: AbortSignal,
): Promise<void> {
  const { uid } = pod.metadata;
  const preconditions = uid === undefined ? {} : { preconditions: { uid } };
  await told(control, set, pod, "Delete", async () => {
    try {
      await control.context.client.delete(Pods, pod.metadata, signal, preconditions);
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
    control.deleted(pod);
  });
}

async function repair(
  control: StatefulPodControl,
  set: StatefulSet,
  step: Step,
  signal: AbortSignal,
): Promise<void> {
  const wanted = withIdentity(set, step.pod, step.ordinal);
  if (!hasStorage(set, step.pod, step.ordinal)) await createClaims(control, set, step, signal);
  await fixOwners(control, set, step, signal);
  if (wanted !== step.pod) await control.context.client.update(Pods, wanted, signal);
}

async function createClaims(
  control: StatefulPodControl,
  set: StatefulSet,
  { pod, ordinal }: Step,
  signal: AbortSignal,
): Promise<void> {
  const { client, recorder } = control.context;
  const ownerReferences = ownersByPolicy(set, undefined, ordinal);
  for (const claim of newClaims(set, ordinal)) {
    const { name } = claim.metadata;
    const existing = control.claim(set, name);
    if (existing?.metadata.deletionTimestamp !== undefined) throw new Error(`pvc ${name} is being deleted`);
    if (existing !== undefined) continue;
    const owned = {
      ...claim,
      metadata: { ...claim.metadata, ...(ownerReferences.length > 0 && { ownerReferences }) },
    };
    try {
      await client.create(PersistentVolumeClaims, owned, signal);
    } catch (err) {
      if (isAlreadyExists(err)) continue;
      const failure = `Create Claim ${name} for Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} failed error: ${messageOf(err)}`;
      recorder.event(set, "Warning", "FailedCreate", failure);
      throw new Error(`failed to create PVC ${name}: ${messageOf(err)}`, { cause: err });
    }
    const success = `Create Claim ${name} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} success`;
    recorder.event(set, "Normal", "SuccessfulCreate", success);
  }
}

async function fixOwners(
  { context, claim: find }: StatefulPodControl,
  set: StatefulSet,
  { pod, ordinal }: Step,
  signal: AbortSignal,
): Promise<void> {
  for (const { metadata } of newClaims(set, ordinal)) {
    const claim = find(set, metadata.name);
    if (claim === undefined) continue;
    const { owners, isConflicting } = planClaimOwners(claim, set, pod, ordinal);
    if (isConflicting) {
      const message = `PersistentVolumeClaim ${metadata.name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`;
      context.recorder.event(set, "Warning", "ConflictingController", message);
    }
    if (owners === undefined) continue;
    const fixed = { ...claim, metadata: { ...claim.metadata, ownerReferences: owners } };
    await context.client.update(PersistentVolumeClaims, fixed, signal);
  }
}

/** Runs `work` and writes the event that says how it went. A pod that exists already is no failure to tell of. */
async function told(
  { context }: StatefulPodControl,
  set: StatefulSet,
  pod: Pod,
  verb: "Create" | "Update" | "Delete",
  work: () => Promise<void>,
): Promise<void> {
  const what = `${verb} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
  try {
    await work();
  } catch (err) {
    if (!isAlreadyExists(err))
      context.recorder.event(set, "Warning", `Failed${verb}`, `${what} failed error: ${messageOf(err)}`);
    throw err;
  }
  context.recorder.event(set, "Normal", `Successful${verb}`, `${what} successful`);
}
