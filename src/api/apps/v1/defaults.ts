/** Defaults of the workload kinds that depend on other fields. @module */
import type {
  DaemonSet,
  Deployment,
  ReplicaSet,
  StatefulSet,
  StatefulSetUpdateStrategy,
} from "./types.gen.ts";

const HISTORY_LIMIT = 10;
const PROGRESS_DEADLINE_SECONDS = 600;

export function defaultDeployment(object: Deployment): Deployment {
  const spec = object.spec;
  if (spec === undefined) return object;
  const type = spec.strategy?.type || "RollingUpdate";
  const rolling = type === "RollingUpdate";
  return {
    ...object,
    spec: {
      ...spec,
      replicas: spec.replicas ?? 1,
      strategy: {
        ...spec.strategy,
        type,
        ...(rolling && {
          rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%", ...spec.strategy?.rollingUpdate },
        }),
      },
      revisionHistoryLimit: spec.revisionHistoryLimit ?? HISTORY_LIMIT,
      progressDeadlineSeconds: spec.progressDeadlineSeconds ?? PROGRESS_DEADLINE_SECONDS,
    },
  };
}

export function defaultReplicaSet(object: ReplicaSet): ReplicaSet {
  if (object.spec === undefined || object.spec.replicas !== undefined) return object;
  return { ...object, spec: { ...object.spec, replicas: 1 } };
}

export function defaultDaemonSet(object: DaemonSet): DaemonSet {
  const spec = object.spec;
  if (spec === undefined) return object;
  const type = spec.updateStrategy?.type || "RollingUpdate";
  const rolling = type === "RollingUpdate";
  return {
    ...object,
    spec: {
      ...spec,
      updateStrategy: {
        ...spec.updateStrategy,
        type,
        ...(rolling && {
          rollingUpdate: { maxUnavailable: 1, maxSurge: 0, ...spec.updateStrategy?.rollingUpdate },
        }),
      },
      revisionHistoryLimit: spec.revisionHistoryLimit ?? HISTORY_LIMIT,
    },
  };
}

export function defaultStatefulSet(object: StatefulSet): StatefulSet {
  const spec = object.spec;
  if (spec === undefined) return object;
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  return {
    ...object,
    spec: {
      ...spec,
      podManagementPolicy: spec.podManagementPolicy || "OrderedReady",
      updateStrategy: statefulSetStrategy(spec.updateStrategy),
      persistentVolumeClaimRetentionPolicy: {
        ...retention,
        whenDeleted: retention?.whenDeleted || "Retain",
        whenScaled: retention?.whenScaled || "Retain",
      },
      replicas: spec.replicas ?? 1,
      revisionHistoryLimit: spec.revisionHistoryLimit ?? HISTORY_LIMIT,
    },
  };
}

/** A strategy without a type gets the parameters too; a RollingUpdate that was written without them does not. */
function statefulSetStrategy(strategy: StatefulSetUpdateStrategy | undefined): StatefulSetUpdateStrategy {
  const type = strategy?.type || "RollingUpdate";
  const given = strategy?.rollingUpdate ?? (strategy?.type ? undefined : {});
  if (type !== "RollingUpdate" || given === undefined) return { ...strategy, type };
  return { ...strategy, type, rollingUpdate: { partition: 0, ...given } };
}
