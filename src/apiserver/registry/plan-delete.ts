/** What a delete does to an object: at once, gracefully, or after its finalizers; upstream's `rest.BeforeDelete` and `Store.Delete`. Pure. @module */
import {
  conflict,
  FINALIZER_FOREGROUND,
  FINALIZER_ORPHAN,
  formatTime,
  parseTime,
  type Kind,
  type KubeObject,
} from "#apimachinery";
import { semanticEqual } from "#api/validation/semantic-equal";
import { bumpGeneration } from "./plan-update.ts";

/** metav1.DeleteOptions as sent. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: string;
  readonly orphanDependents?: boolean;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: readonly string[];
}

export type DeletePlan =
  | { readonly action: "delete" }
  /** Store this; whoever finalises or kills the rest deletes it. */
  | { readonly action: "update"; readonly object: KubeObject }
  /** Already being deleted, and nothing gets shorter. */
  | { readonly action: "none" };

export function planDelete(
  kind: Kind,
  object: KubeObject,
  options: DeleteOptions,
  nowMs: number,
): DeletePlan {
  checkDeletePreconditions(kind, object, options);
  const graceful = planGrace(kind, object, options, nowMs);
  if (graceful === "pending") return { action: "none" };
  const finalizers = finalizersFor(object, options);
  const current = graceful === "ungraceful" ? object : graceful;
  const marked = semanticEqual(finalizers, object.metadata.finalizers)
    ? current
    : { ...current, metadata: { ...current.metadata, finalizers } };
  if (finalizers.length > 0) {
    return { action: "update", object: graceful === "ungraceful" ? markAsDeleting(marked, nowMs) : marked };
  }
  if (graceful === "ungraceful" || graceful.metadata.deletionGracePeriodSeconds === 0) {
    return { action: "delete" };
  }
  return { action: "update", object: marked };
}

function checkDeletePreconditions(kind: Kind, object: KubeObject, { preconditions }: DeleteOptions): void {
  const { name, uid, resourceVersion } = object.metadata;
  const about = { group: kind.group, resource: kind.kind };
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    const why = `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid ?? ""}). The object might have been deleted and then recreated`;
    throw conflict(about, name, why);
  }
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion ?? ""}). The object might have been modified`;
    throw conflict(about, name, why);
  }
}

/** The object with its deletion times; "ungraceful" when its kind has none, "pending" when they stay as they are. */
function planGrace(
  kind: Kind,
  object: KubeObject,
  options: DeleteOptions,
  nowMs: number,
): KubeObject | "ungraceful" | "pending" {
  const byDefault = kind.strategy?.defaultGracePeriodSeconds;
  if (byDefault === undefined) return "ungraceful";
  const requested = options.gracePeriodSeconds;
  const { deletionTimestamp, deletionGracePeriodSeconds } = object.metadata;
  if (deletionTimestamp === undefined) {
    const seconds = gracePeriodOf(object, requested, byDefault(object));
    const marked = withDeletion(object, nowMs + seconds * 1000, seconds);
    return object.metadata.generation === undefined ? marked : bumpGeneration(marked);
  }
  if (deletionGracePeriodSeconds === undefined || deletionGracePeriodSeconds === 0) return "ungraceful";
  if (requested === undefined) return "pending";
  const seconds = requested < 0 ? 1 : requested;
  if (seconds >= deletionGracePeriodSeconds) return "pending";
  const at = parseTime(deletionTimestamp) + (seconds - deletionGracePeriodSeconds) * 1000;
  // The past is not a time to be killed at: at least a second is left to whoever does it.
  return at < nowMs ? withDeletion(object, nowMs, seconds === 0 ? 0 : 1) : withDeletion(object, at, seconds);
}

/** Nobody has to be asked to stop what never started or has ended already. */
function gracePeriodOf(object: KubeObject, requested: number | undefined, byDefault: number): number {
  const { spec, status } = object as { spec?: { nodeName?: string }; status?: { phase?: string } };
  const isOver = status?.phase === "Failed" || status?.phase === "Succeeded";
  if (spec?.nodeName === undefined || spec.nodeName === "" || isOver) return 0;
  const seconds = requested ?? byDefault;
  return seconds < 0 ? 1 : seconds;
}

function withDeletion(object: KubeObject, atMs: number, seconds: number): KubeObject {
  const times = { deletionTimestamp: formatTime(atMs), deletionGracePeriodSeconds: seconds };
  return { ...object, metadata: { ...object.metadata, ...times } };
}

function markAsDeleting(object: KubeObject, nowMs: number): KubeObject {
  const { deletionTimestamp, generation } = object.metadata;
  const isFirst = deletionTimestamp === undefined;
  const marked =
    isFirst || parseTime(deletionTimestamp) > nowMs
      ? withDeletion(object, nowMs, 0)
      : { ...object, metadata: { ...object.metadata, deletionGracePeriodSeconds: 0 } };
  return isFirst && generation !== undefined ? bumpGeneration(marked) : marked;
}

/** The garbage collector's finalizers follow the policy asked for, else stay as they are. */
function finalizersFor(object: KubeObject, options: DeleteOptions): readonly string[] {
  const present = object.metadata.finalizers ?? [];
  const policy =
    options.orphanDependents === undefined
      ? options.propagationPolicy
      : options.orphanDependents
        ? "Orphan"
        : "Background";
  if (policy === undefined) return present;
  const others = present.filter((name) => name !== FINALIZER_ORPHAN && name !== FINALIZER_FOREGROUND);
  if (policy === "Orphan") return [...others, FINALIZER_ORPHAN];
  return policy === "Foreground" ? [...others, FINALIZER_FOREGROUND] : others;
}
