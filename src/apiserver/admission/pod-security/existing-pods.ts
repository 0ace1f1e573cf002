/** What a namespace is warned of when its pods violate the level that it wants to enforce from now on. @module */
import { compareStrings } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import { evaluatePod, reasonsOf } from "./evaluate.ts";
import { formatLevel, type LevelVersion } from "./policy.ts";

/** Pods looked at, and how long; one of each controller comes first, for its others are alike. */
const PODS_MAX = 3_000;
const TIME_MAX_MS = 1_000;

export function warningsOfExisting(
  namespace: string,
  pods: readonly Pod[],
  enforce: LevelVersion,
  monotonicMs: () => number,
): readonly string[] {
  const wanted = prioritized(pods).slice(0, PODS_MAX);
  const deadline = monotonicMs() + TIME_MAX_MS;
  const found = new Map<string, { first: string; count: number }>();
  let checked = 0;
  for (const { metadata, spec } of wanted) {
    checked++;
    const violations = spec === undefined ? [] : evaluatePod(enforce, { metadata, spec });
    if (violations.length > 0) note(found, reasonsOf(violations), metadata.name);
    if (monotonicMs() > deadline) break;
  }
  return [
    ...(checked < pods.length
      ? [
          `new PodSecurity enforce level only checked against the first ${checked} of ${pods.length} existing pods`,
        ]
      : []),
    ...(found.size > 0
      ? [
          `existing pods in namespace "${namespace}" violate the new PodSecurity enforce level "${formatLevel(enforce)}"`,
        ]
      : []),
    ...[...found]
      .map(([warning, { first, count }]) => `${first}${others(count - 1)}: ${warning}`)
      .toSorted(compareStrings),
  ];
}

function note(found: Map<string, { first: string; count: number }>, warning: string, name: string): void {
  const known = found.get(warning);
  if (known === undefined) return void found.set(warning, { first: name, count: 1 });
  known.count++;
  if (name < known.first) known.first = name;
}

function others(count: number): string {
  if (count === 0) return "";
  return count === 1 ? " (and 1 other pod)" : ` (and ${count} other pods)`;
}

function prioritized(pods: readonly Pod[]): readonly Pod[] {
  const seen = new Set<string>();
  const first: Pod[] = [];
  const rest: Pod[] = [];
  for (const pod of pods) {
    const uid = pod.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
    (uid !== undefined && seen.has(uid) ? rest : first).push(pod);
    if (uid !== undefined) seen.add(uid);
  }
  return [...first, ...rest];
}
