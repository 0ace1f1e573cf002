/** The revisions of a StatefulSet's template, kept as ControllerRevisions. @module */
import { applyConstantDefaults } from "#api/defaulting";
import { StatefulSets } from "#api/apps/v1/statefulset";
import type { ControllerRevision, StatefulSet } from "#api/apps/v1/types.gen";
import type { Pod, PodTemplateSpec } from "#api/core/v1/types.gen";
import {
  compareRevisions,
  newRevision,
  oldestUnused,
  type RevisionData,
  templatePatch,
} from "../controller-revision.ts";
import { equalJSON } from "../template-hash.ts";
import { revisionOf } from "./identity.ts";

const HASH_LABEL = "controller.kubernetes.io/hash";

export interface History {
  /** The revision of the present template; without a uid it is to be created. */
  readonly update: ControllerRevision;
  /** `update` is stored with an older number: the template went back to it. */
  readonly isOutdated: boolean;
  /** The revision that the pods had before the update began; undefined when there is none. */
  readonly current: ControllerRevision | undefined;
}

export function planHistory(set: StatefulSet, owned: readonly ControllerRevision[]): History {
  const sorted = owned.toSorted(compareRevisions);
  const last = sorted.at(-1);
  const data = templatePatch(set.spec!.template);
  const equal = sorted.findLast((revision) => equalJSON(revision.data, data));
  const stored = equal ?? (last !== undefined && isRestoredAs(set, last, data) ? last : undefined);
  const current = owned.find(({ metadata }) => metadata.name === set.status?.currentRevision);
  const next = (last?.revision ?? 0) + 1;
  if (stored === undefined) {
    const update = revisionOfTemplate(set, data, next, set.status?.collisionCount ?? 0);
    return { update, isOutdated: false, current };
  }
  const isOutdated = stored !== last;
  return { update: isOutdated ? { ...stored, revision: next } : stored, isOutdated, current };
}

/** An earlier version stored the revision without fields that have defaults now: going back to it would change nothing. */
function isRestoredAs(set: StatefulSet, revision: ControllerRevision, data: RevisionData): boolean {
  if (templateOf(revision) === undefined) return false;
  const restored = applyConstantDefaults(atRevision(set, revision));
  return equalJSON(templatePatch(restored.spec!.template), data);
}

/** The same revision under another name, after a collision with a revision of other content. */
export function renamedRevision(
  set: StatefulSet,
  revision: ControllerRevision,
  collisionCount: number,
): ControllerRevision {
  return revisionOfTemplate(set, revision.data as RevisionData, revision.revision, collisionCount);
}

function revisionOfTemplate(
  set: StatefulSet,
  data: RevisionData,
  revision: number,
  collisionCount: number,
): ControllerRevision {
  const made = { data, revision, collisionCount, hashLabel: HASH_LABEL };
  return newRevision(set, StatefulSets, set.spec!.template, made);
}

type StoredTemplate = PodTemplateSpec & { readonly $patch?: string };

function templateOf({ data }: ControllerRevision): StoredTemplate | undefined {
  return (data as { readonly spec?: { readonly template?: StoredTemplate } } | undefined)?.spec?.template;
}

/** `set` as it was at `revision`. Throws when the revision holds no template. */
export function atRevision(set: StatefulSet, revision: ControllerRevision): StatefulSet {
  const stored = templateOf(revision);
  if (stored === undefined)
    throw new Error(`ControllerRevision ${revision.metadata.name} holds no pod template`);
  const { $patch: _patch, ...template } = stored;
  return { ...set, spec: { ...set.spec!, template } };
}

/** Revisions beyond the limit that no pod has and no update goes to, the oldest first. `live`: the current one and the update. */
export function surplusRevisions(
  set: StatefulSet,
  owned: readonly ControllerRevision[],
  live: readonly ControllerRevision[],
  pods: readonly Pod[],
): readonly ControllerRevision[] {
  const used = new Set([...live.map(({ metadata }) => metadata.name), ...pods.map(revisionOf)]);
  const isUsed = ({ metadata }: ControllerRevision): boolean => used.has(metadata.name);
  // unlike a DaemonSet's, the limit is of those that are not used
  const count = owned.filter((revision) => !isUsed(revision)).length;
  const limit = set.spec?.revisionHistoryLimit ?? 10;
  return limit < 0 ? [] : oldestUnused(owned, isUsed, count - limit);
}
