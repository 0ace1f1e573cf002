/** Going back to an older revision at the request of an annotation, as clients of the API `extensions/v1beta1` asked for it. @module */
import { quote } from "#apimachinery";
import type { Deployment, ReplicaSet } from "#api/apps/v1/types.gen";
import { annotationsOfRevision, parseRevision, revisionOf, ROLLBACK_TO } from "./annotations.ts";
import { isSameTemplate, POD_TEMPLATE_HASH } from "./replica-sets.ts";

export interface Rollback {
  /** To write: without the request, so that it is carried out once. */
  readonly deployment: Deployment;
  readonly event: {
    readonly type: "Normal" | "Warning";
    readonly reason: string;
    readonly message: string;
  };
}

/** Undefined: nothing is asked for. `owned` has the ReplicaSet of the current template among them. */
export function planRollback(d: Deployment, owned: readonly ReplicaSet[]): Rollback | undefined {
  const asked = parseRevision(d.metadata.annotations?.[ROLLBACK_TO] ?? "");
  if (asked === undefined) return undefined;
  const revision = asked === 0n ? lastRevision(owned) : asked;
  if (revision === 0n)
    return giveUp(d, "DeploymentRollbackRevisionNotFound", "Unable to find last revision.");
  const rs = owned.find((one) => revisionOf(one) === revision);
  if (rs === undefined)
    return giveUp(d, "DeploymentRollbackRevisionNotFound", "Unable to find the revision to rollback to.");
  const name = quote(d.metadata.name);
  if (isSameTemplate(rs.spec?.template, d.spec?.template)) {
    const message = `The rollback revision contains the same template as current deployment ${name}`;
    return giveUp(d, "DeploymentRollbackTemplateUnchanged", message);
  }
  const message = `Rolled back deployment ${name} to revision ${revision}`;
  return {
    deployment: backAt(d, rs),
    event: { type: "Normal", reason: "DeploymentRollback", message },
  };
}

/** The one before the newest. */
function lastRevision(owned: readonly ReplicaSet[]): bigint {
  const sorted = owned.map(revisionOf).toSorted((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  return sorted[1] ?? 0n;
}

function giveUp(d: Deployment, reason: string, message: string): Rollback {
  return { deployment: withoutRequest(d), event: { type: "Warning", reason, message } };
}

function withoutRequest(d: Deployment): Deployment {
  const { [ROLLBACK_TO]: _, ...annotations } = d.metadata.annotations ?? {};
  return { ...d, metadata: { ...d.metadata, annotations } };
}

/** With the annotations of that time too: the cause of the change is one of them. */
function backAt(d: Deployment, rs: ReplicaSet): Deployment {
  const { [POD_TEMPLATE_HASH]: _, ...labels } = rs.spec!.template!.metadata?.labels ?? {};
  const template = rs.spec!.template!;
  const back: Deployment = {
    ...d,
    metadata: { ...d.metadata, annotations: annotationsOfRevision(d, rs) },
    spec: { ...d.spec!, template: { ...template, metadata: { ...template.metadata, labels } } },
  };
  return withoutRequest(back);
}
