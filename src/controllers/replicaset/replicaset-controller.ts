/** Keeps the number of pods of each ReplicaSet at `spec.replicas`. @module */
import { ReplicaSets } from "#api/apps/v1/replicaset";
import type { Controller, ControllerContext } from "#controller-runtime";
import { replicaManager } from "./replica-manager.ts";

export function replicaSetController(context: ControllerContext): Controller {
  return replicaManager(context, {
    name: "replicaset-controller",
    eventSource: "replicaset-controller",
    kind: ReplicaSets,
    asReplicaSet: (rs) => rs,
    statusOf: (status) => status,
  });
}
