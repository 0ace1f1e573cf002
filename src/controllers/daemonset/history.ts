/** The revisions of a DaemonSet's template, kept as ControllerRevisions. @module */
import { DaemonSets } from "#api/apps/v1/daemonset";
import type { ControllerRevision, DaemonSet } from "#api/apps/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { newRevision, oldestUnused, templatePatch } from "../controller-revision.ts";
import { equalJSON } from "../template-hash.ts";
import { REVISION_HASH } from "./eligible.ts";

export interface History {
  /** The revision of the current template; without a uid it is to be created. */
  readonly current: ControllerRevision;
  /** `current` is stored with an older number. */
  readonly isOutdated: boolean;
  readonly old: readonly ControllerRevision[];
  /** Further revisions of the current template: their pods are to count as the current one's. */
  readonly duplicates: readonly ControllerRevision[];
}

/** Of several revisions of one template the newest stays. */
export function planHistory(ds: DaemonSet, owned: readonly ControllerRevision[]): History {
  const data = templatePatch(ds.spec!.template);
  const matching = owned.filter((revision) => equalJSON(revision.data, data));
  const stored = matching.toSorted((a, b) => b.revision - a.revision)[0];
  const duplicates = matching.filter((revision) => revision !== stored);
  const old = owned.filter((revision) => !matching.includes(revision));
  const revision = Math.max(0, ...old.map((other) => other.revision)) + 1;
  if (stored === undefined) {
    const collisionCount = ds.status?.collisionCount;
    const made = { data, revision, collisionCount, hashLabel: REVISION_HASH };
    const current = newRevision(ds, DaemonSets, ds.spec!.template, made);
    return { current, isOutdated: false, old, duplicates };
  }
  const isOutdated = stored.revision < revision;
  return { current: isOutdated ? { ...stored, revision } : stored, isOutdated, old, duplicates };
}

export function hashOf({ metadata }: ControllerRevision): string {
  return metadata.labels?.[REVISION_HASH] ?? metadata.name;
}

/** Old revisions beyond the limit, the oldest first; those that pods still run stay. */
export function surplusRevisions(
  ds: DaemonSet,
  old: readonly ControllerRevision[],
  pods: readonly Pod[],
): readonly ControllerRevision[] {
  const live = new Set(pods.map(({ metadata }) => metadata.labels?.[REVISION_HASH]));
  const surplus = old.length - (ds.spec?.revisionHistoryLimit ?? 10);
  return oldestUnused(old, (revision) => live.has(hashOf(revision)), surplus);
}
