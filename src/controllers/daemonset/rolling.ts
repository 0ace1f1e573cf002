/** One step of a DaemonSet's rolling update. @module */
import { scaledValueFromIntOrPercent } from "#apimachinery";
import type { DaemonSet } from "#api/apps/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { REVISION_HASH } from "./eligible.ts";
import type { Place, Plan } from "./place.ts";
import { isAvailable } from "./place.ts";

interface Pair {
  readonly place: Place;
  readonly fresh: Pod | undefined;
  readonly old: Pod | undefined;
  /** More than one of either: for `manage` to put right. */
  readonly isCrowded: boolean;
}

/** Without surge, old pods are deleted and `manage` makes the new ones; with surge, new pods come first. */
export function planRollingUpdate(
  ds: DaemonSet,
  places: readonly Place[],
  hash: string,
  nowMs: number,
): Plan {
  const desired = places.filter(({ shouldRun }) => shouldRun).length;
  const { surge, unavailable } = limits(ds, desired);
  const pairs = places.filter(({ pods }) => pods.length > 0).map((place) => pairOf(place, hash));
  return surge === 0
    ? replace(ds, pairs, unavailable, nowMs)
    : surgeFirst(ds, pairs, { surge, desired }, nowMs);
}

/** Both round up; when both come to 0, one pod may be missing. */
function limits(ds: DaemonSet, desired: number): { readonly surge: number; readonly unavailable: number } {
  const rolling = ds.spec?.updateStrategy?.rollingUpdate ?? {};
  const unavailable = scaledValueFromIntOrPercent(rolling.maxUnavailable ?? 1, desired, true);
  const surge = scaledValueFromIntOrPercent(rolling.maxSurge ?? 0, desired, true);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

/** Pods that are being deleted count as gone. */
function pairOf(place: Place, hash: string): Pair {
  const living = place.pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const fresh = living.filter(({ metadata }) => metadata.labels?.[REVISION_HASH] === hash);
  const old = living.filter((pod) => !fresh.includes(pod));
  return { place, fresh: fresh[0], old: old[0], isCrowded: fresh.length > 1 || old.length > 1 };
}

/** Old pods that are not available cost nothing; others go as long as enough are available. */
function replace(ds: DaemonSet, pairs: readonly Pair[], unavailableMax: number, nowMs: number): Plan {
  const free: Pod[] = [];
  const candidates: Pod[] = [];
  let unavailable = 0;
  for (const { fresh, old, isCrowded } of pairs) {
    if (isCrowded || (fresh === undefined) === (old === undefined)) unavailable++;
    else if (fresh !== undefined) unavailable += isAvailable(ds, fresh, nowMs) ? 0 : 1;
    else if (isAvailable(ds, old!, nowMs)) candidates.push(old!);
    else {
      free.push(old!);
      unavailable++;
    }
  }
  const room = Math.max(unavailableMax - unavailable, 0);
  return { create: [], remove: [...free, ...candidates.slice(0, room)], failed: [] };
}

/** A node that should run no pod any more loses its old one only while more than enough are available. */
function surgeFirst(
  ds: DaemonSet,
  pairs: readonly Pair[],
  { surge, desired }: { readonly surge: number; readonly desired: number },
  nowMs: number,
): Plan {
  const remove: Pod[] = [];
  const leaving: Pod[] = [];
  const free: string[] = [];
  const candidates: string[] = [];
  let surging = 0;
  let available = 0;
  for (const { place, fresh, old, isCrowded } of pairs) {
    if (isCrowded) {
      surging++;
      continue;
    }
    const serving = old ?? fresh;
    const serves = serving !== undefined && isAvailable(ds, serving, nowMs);
    if (serves) available++;
    if (old === undefined) continue;
    if (fresh !== undefined) {
      if (isAvailable(ds, fresh, nowMs)) remove.push(old);
      else surging++;
    } else if (place.shouldRun) (serves ? candidates : free).push(place.node);
    else (serves ? leaving : remove).push(old);
  }
  const spare = Math.max(available - desired, 0);
  const room = Math.max(surge - surging, 0);
  return {
    create: [...free, ...candidates.slice(0, room)],
    remove: [...remove, ...leaving.slice(0, spare)],
    failed: [],
  };
}
