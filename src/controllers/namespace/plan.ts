/** The decisions of the namespace controller, without clock, cache or network. @module */
import type { Kind, KubeObject } from "#apimachinery";
import { formatTime } from "#apimachinery";
import type { NamespaceCondition, Pod } from "#api/core/v1/types.gen";
import { isPodTerminal } from "#api/core/v1/pod-state";

/** How long objects whose finalizers are at work are left alone, in seconds. */
const FINALIZER_ESTIMATE_SECONDS = 15;

/** What is left of one resource after its objects were told to go. */
export interface Remaining {
  readonly kind: Kind;
  readonly objects: readonly KubeObject[];
  /** How long its objects may still take to end, as they were before they were told to. */
  readonly graceSeconds: number;
}

export interface Outcome {
  readonly remaining: readonly Remaining[];
  /** Messages of what failed. */
  readonly failures: readonly string[];
}

const OK = {
  NamespaceDeletionDiscoveryFailure: ["ResourcesDiscovered", "All resources successfully discovered"],
  NamespaceDeletionGroupVersionParsingFailure: [
    "ParsedGroupVersions",
    "All legacy kube types successfully parsed",
  ],
  NamespaceDeletionContentFailure: [
    "ContentDeleted",
    "All content successfully deleted, may be waiting on finalization",
  ],
  NamespaceContentRemaining: ["ContentRemoved", "All content successfully removed"],
  NamespaceFinalizersRemaining: ["ContentHasNoFinalizers", "All content-preserving finalizers finished"],
} as const;

type ConditionType = keyof typeof OK;
type Problem = readonly [reason: string, message: string];

/**
 * The conditions after a pass over the content. Returns the ones given when nothing changes. A condition keeps its
 * transition time while its status stays.
 */
export function planConditions(
  current: readonly NamespaceCondition[],
  outcome: Outcome,
  nowMs: number,
): readonly NamespaceCondition[] {
  const problems = problemsOf(outcome);
  let conditions = current;
  for (const type of Object.keys(OK) as ConditionType[]) {
    const problem = problems[type];
    const [reason, message] = problem ?? OK[type];
    const status = problem === undefined ? "False" : "True";
    const old = conditions.find((condition) => condition.type === type);
    if (old?.status === status && old.reason === reason && old.message === message) continue;
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : formatTime(nowMs);
    const next = {
      type,
      status,
      reason,
      message,
      ...(lastTransitionTime !== undefined && { lastTransitionTime }),
    };
    conditions = old === undefined ? [...conditions, next] : conditions.map((c) => (c === old ? next : c));
  }
  return conditions;
}

function problemsOf({ remaining, failures }: Outcome): Partial<Record<ConditionType, Problem>> {
  const left = remaining.filter(({ objects }) => objects.length > 0);
  const resources = left
    .map(({ kind, objects }) => `${kind.names.plural}.${kind.group} has ${objects.length} resource instances`)
    .toSorted();
  const finalizers = new Map<string, number>();
  for (const finalizer of left.flatMap(({ objects }) =>
    objects.flatMap((o) => o.metadata.finalizers ?? []),
  )) {
    finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
  }
  const waiting = [...finalizers].map(([name, count]) => `${name} in ${count} resource instances`).toSorted();
  return {
    ...(failures.length > 0 && {
      NamespaceDeletionContentFailure: [
        "ContentDeletionFailed",
        `Failed to delete all resource types, ${failures.length} remaining: ${failures.toSorted().join(", ")}`,
      ],
    }),
    ...(resources.length > 0 && {
      NamespaceContentRemaining: [
        "SomeResourcesRemain",
        `Some resources are remaining: ${resources.join(", ")}`,
      ],
    }),
    ...(waiting.length > 0 && {
      NamespaceFinalizersRemaining: [
        "SomeFinalizersRemain",
        `Some content in the namespace has finalizers remaining: ${waiting.join(", ")}`,
      ],
    }),
  };
}

/** When to look again at what remains, in ms; 0: nothing remains that takes time. Half of what is expected, as upstream. */
export function recheckInMs({ remaining }: Outcome): number {
  const estimates = remaining.filter(({ objects }) => objects.length > 0).map(estimateSeconds);
  return estimates.length === 0 ? 0 : (Math.floor(Math.max(...estimates) / 2) + 1) * 1000;
}

function estimateSeconds(left: Remaining): number {
  if (left.graceSeconds > 0) return left.graceSeconds;
  return hasFinalizers(left) ? FINALIZER_ESTIMATE_SECONDS : 0;
}

/** The longest grace period of the pods, until the namespace has been on its way out for that long. */
export function graceLeft(kind: Kind, objects: readonly KubeObject[], sinceMs: number): number {
  if (kind.kind !== "Pod") return 0;
  const graces = (objects as readonly Pod[])
    .filter((pod) => !isPodTerminal(pod))
    .map(({ spec }) => spec?.terminationGracePeriodSeconds ?? 0);
  const graceSeconds = Math.max(0, ...graces);
  return sinceMs >= graceSeconds * 1000 ? 0 : graceSeconds;
}

/** Objects stay without saying why: neither a grace period nor a finalizer keeps them. */
export function isUnexpected(left: Remaining): boolean {
  return left.objects.length > 0 && estimateSeconds(left) === 0;
}

function hasFinalizers({ objects }: Remaining): boolean {
  return objects.some(({ metadata }) => (metadata.finalizers ?? []).length > 0);
}
