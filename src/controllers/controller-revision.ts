/** ControllerRevisions: how DaemonSets and StatefulSets keep the history of their pod template. @module */
import type { GroupVersionKind, KubeObject } from "#apimachinery";
import type { ControllerRevision } from "#api/apps/v1/types.gen";
import type { PodTemplateSpec } from "#api/core/v1/types.gen";
import { newControllerRef } from "./controller-ref-manager.ts";
import { creationOrder } from "./creation-order.ts";
import { templateHash } from "./template-hash.ts";

export type RevisionData = Readonly<Record<string, unknown>>;

/** What a revision stores, and what `kubectl rollout undo` sends back. */
export function templatePatch(template: PodTemplateSpec): RevisionData {
  return { spec: { template: { ...template, $patch: "replace" } } };
}

/** Up to `surplus` revisions that are not in use, the oldest first. */
export function oldestUnused(
  revisions: readonly ControllerRevision[],
  isUsed: (revision: ControllerRevision) => boolean,
  surplus: number,
): readonly ControllerRevision[] {
  const unused = revisions.filter((revision) => !isUsed(revision));
  return unused.toSorted(compareRevisions).slice(0, Math.max(surplus, 0));
}

/** The oldest first. A stale cache may have given one number twice: then the time and the name decide, as upstream. */
export function compareRevisions(a: ControllerRevision, b: ControllerRevision): number {
  if (a.revision !== b.revision) return a.revision - b.revision;
  return creationOrder(a) < creationOrder(b) ? -1 : 1;
}

export interface NewRevision {
  readonly data: RevisionData;
  /** Higher is newer. */
  readonly revision: number;
  /** Makes another name of the same template; undefined: there was no collision. */
  readonly collisionCount: number | undefined;
  /** The label that holds the template's hash. */
  readonly hashLabel: string;
}

/** The name comes from the template, so that making the revision twice makes it once. */
export function newRevision(
  owner: KubeObject,
  kind: GroupVersionKind,
  template: PodTemplateSpec,
  { data, revision, collisionCount, hashLabel }: NewRevision,
): ControllerRevision {
  const hash = templateHash(template, collisionCount);
  const { name, namespace, annotations } = owner.metadata;
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${name}-${hash}`,
      namespace: namespace!,
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(annotations !== undefined && { annotations }),
      ownerReferences: [newControllerRef(owner, kind)],
    },
    data,
    revision,
  };
}
