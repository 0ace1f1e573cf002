/** Keeps the number of pods of each ReplicationController at `spec.replicas`. @module */
import type { ReplicaSet, ReplicaSetStatus } from "#api/apps/v1/types.gen";
import { ReplicationControllers } from "#api/core/v1/replicationcontroller";
import type { ReplicationController } from "#api/core/v1/types.gen";
import type { Controller, ControllerContext } from "#controller-runtime";
import { replicaManager } from "../replicaset/replica-manager.ts";

export function replicationControllerController(context: ControllerContext): Controller {
  return replicaManager(context, {
    name: "replicationcontroller-controller",
    eventSource: "replication-controller",
    kind: ReplicationControllers,
    asReplicaSet,
    statusOf: withoutTerminating,
  });
}

/** A ReplicationController is a ReplicaSet whose selector knows equality only. */
export function asReplicaSet(rc: ReplicationController): ReplicaSet {
  const { selector = {}, ...spec } = rc.spec ?? {};
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: rc.metadata,
    spec: { ...spec, selector: { matchLabels: selector } },
    ...(rc.status !== undefined && { status: rc.status }),
  };
}

/** The older kind has no field for it. */
function withoutTerminating(status: ReplicaSetStatus): ReplicaSetStatus {
  const { terminatingReplicas: _, ...others } = status;
  return others;
}
