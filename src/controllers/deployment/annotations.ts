/** The annotations by which a Deployment and its ReplicaSets tell each other of revisions and sizes. @module */
import type { Deployment, ReplicaSet } from "#api/apps/v1/types.gen";
import { desiredOf, maxSurge } from "./fenceposts.ts";

export const REVISION = "deployment.kubernetes.io/revision";
export const REVISION_HISTORY = "deployment.kubernetes.io/revision-history";
export const DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas";
export const MAX_REPLICAS = "deployment.kubernetes.io/max-replicas";

/** Characters of the list of past revisions that a ReplicaSet carries; older ones are dropped first. */
export const REVISION_HISTORY_CHARS_MAX = 2000;

/** Not copied from a Deployment to its ReplicaSets: they are about one object alone. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "deprecated.deployment.rollback.to",
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
]);

type Annotations = Readonly<Record<string, string>>;

/** 0 where the annotation is missing or not a number. */
export function revisionOf(object: ReplicaSet | Deployment): number {
  const text = object.metadata.annotations?.[REVISION] ?? "";
  return /^[0-9]+$/.test(text) ? Number(text) : 0;
}

/** The annotations of the ReplicaSet of the current template: the Deployment's own, and its place in the history. */
export function newReplicaSetAnnotations(d: Deployment, current: Annotations, revision: number): Annotations {
  const annotations = { ...current };
  for (const [key, value] of Object.entries(d.metadata.annotations ?? {})) {
    if (!NOT_COPIED.has(key)) annotations[key] = value;
  }
  const old = current[REVISION];
  if (old !== undefined && old !== "" && !/^-?[0-9]+$/.test(old)) return annotations;
  if (Number(old ?? 0) >= revision) return annotations;
  annotations[REVISION] = String(revision);
  if (old !== undefined) annotations[REVISION_HISTORY] = appendRevision(current[REVISION_HISTORY] ?? "", old);
  return annotations;
}

function appendRevision(history: string, revision: string): string {
  if (history === "") return revision;
  const revisions = [...history.split(","), revision];
  while (revisions.join(",").length > REVISION_HISTORY_CHARS_MAX && revisions.length > 1) revisions.shift();
  return revisions.join(",");
}

/** What a ReplicaSet notes of the Deployment's size whenever it is scaled: the base of proportional scaling. */
export function sizeAnnotations(d: Deployment): Annotations {
  const desired = desiredOf(d);
  return { [DESIRED_REPLICAS]: String(desired), [MAX_REPLICAS]: String(desired + maxSurge(d)) };
}

/** A non-negative 32-bit annotation; undefined where it is missing or something else. */
export function countAnnotation(rs: ReplicaSet, key: string): number | undefined {
  const text = rs.metadata.annotations?.[key] ?? "";
  const count = /^[0-9]+$/.test(text) ? Number(text) : undefined;
  return count !== undefined && count <= 0x7fffffff ? count : undefined;
}
