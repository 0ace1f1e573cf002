/** The annotations by which a Deployment and its ReplicaSets tell each other of revisions and sizes. @module */
import type { Deployment, ReplicaSet } from "#api/apps/v1/types.gen";
import { desiredOf, maxSurge } from "./fenceposts.ts";

export const REVISION = "deployment.kubernetes.io/revision";
export const REVISION_HISTORY = "deployment.kubernetes.io/revision-history";
export const DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas";
export const MAX_REPLICAS = "deployment.kubernetes.io/max-replicas";
/** A revision to go back to; 0: the last one. */
export const ROLLBACK_TO = "deprecated.deployment.rollback.to";

/** Characters of the list of past revisions that a ReplicaSet carries; older ones are dropped first. */
export const REVISION_HISTORY_CHARS_MAX = 2000;

/** Not copied from a Deployment to its ReplicaSets: they are about one object alone. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  ROLLBACK_TO,
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
]);

type Annotations = Readonly<Record<string, string>>;

/** 0 where the annotation is missing or no 64-bit number. */
export function revisionOf(object: ReplicaSet | Deployment): bigint {
  return parseRevision(object.metadata.annotations?.[REVISION] ?? "") ?? 0n;
}

/** Of a 64-bit number. */
export function parseRevision(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]{1,32}$/.test(text)) return undefined;
  const revision = BigInt(text.replace("+", ""));
  return revision === BigInt.asIntN(64, revision) ? revision : undefined;
}

/** The annotations of the ReplicaSet of the current template: the Deployment's own, and its place in the history. */
export function newReplicaSetAnnotations(d: Deployment, current: Annotations, revision: bigint): Annotations {
  const annotations = { ...current };
  for (const [key, value] of Object.entries(d.metadata.annotations ?? {})) {
    if (!NOT_COPIED.has(key)) annotations[key] = value;
  }
  const old = current[REVISION];
  const oldRevision = old === undefined || old === "" ? 0n : parseRevision(old);
  if (oldRevision === undefined || oldRevision >= revision) return annotations;
  annotations[REVISION] = String(revision);
  if (old !== undefined) annotations[REVISION_HISTORY] = appendRevision(current[REVISION_HISTORY] ?? "", old);
  return annotations;
}

/** What a Deployment that goes back to `rs` is annotated with: what is its own alone, and for the rest what it was then. */
export function annotationsOfRevision(d: Deployment, rs: ReplicaSet): Annotations {
  const own = Object.entries(d.metadata.annotations ?? {}).filter(([key]) => NOT_COPIED.has(key));
  const then = Object.entries(rs.metadata.annotations ?? {}).filter(([key]) => !NOT_COPIED.has(key));
  return Object.fromEntries([...own, ...then]);
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
