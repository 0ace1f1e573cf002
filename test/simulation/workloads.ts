/** The objects that the simulation's users make: few names, so that old and new ones of a name meet. @module */
import { DaemonSets } from "#api/apps/v1/daemonset";
import { Deployments } from "#api/apps/v1/deployment";
import { StatefulSets } from "#api/apps/v1/statefulset";
import { CronJobs } from "#api/batch/v1/cronjob";
import { Jobs } from "#api/batch/v1/job";
import { Services } from "#api/core/v1/service";
import { PodDisruptionBudgets } from "#api/policy/v1/poddisruptionbudget";
import type { PriorityClass } from "#api/scheduling/v1/types.gen";
import type { Kind, KubeObject } from "#apimachinery";
import type { Random } from "./random.ts";

export interface Workload {
  readonly kind: Kind;
  readonly name: string;
  readonly make: (namespace: string, random: Random) => KubeObject;
}

/** Few pods are important, some give way to all others, and some are important and take nobody's place. */
export const PRIORITY_CLASSES: readonly PriorityClass[] = [
  priorityClass("high", 1_000, "PreemptLowerPriority"),
  priorityClass("low", -1_000, "PreemptLowerPriority"),
  priorityClass("patient", 500, "Never"),
];

export const NAMESPACES: readonly string[] = ["red", "blue"];

export const WORKLOADS: readonly Workload[] = [
  ...["web", "api"].map((name) => workload(Deployments, name, deploymentSpec)),
  ...["db", "log"].map((name) => workload(StatefulSets, name, statefulSetSpec)),
  workload(DaemonSets, "agent", daemonSetSpec),
  ...["batch", "sums"].map((name) => workload(Jobs, name, jobSpec)),
  workload(CronJobs, "tick", cronJobSpec),
  workload(Services, "web", (name) => ({ selector: { app: name }, ports: [{ port: 80 }] })),
  workload(PodDisruptionBudgets, "web", (name, random) => ({
    minAvailable: random.between(1, 3),
    selector: { matchLabels: { app: name } },
  })),
];

function priorityClass(
  name: string,
  value: number,
  preemptionPolicy: NonNullable<PriorityClass["preemptionPolicy"]>,
): PriorityClass {
  const apiVersion = "scheduling.k8s.io/v1";
  return { apiVersion, kind: "PriorityClass", metadata: { name }, value, preemptionPolicy };
}

function workload(
  kind: unknown,
  name: string,
  spec: (name: string, random: Random) => Readonly<Record<string, unknown>>,
): Workload {
  const of = kind as Kind;
  return {
    kind: of,
    name,
    make: (namespace, random) =>
      ({
        apiVersion: of.group === "" ? of.version : `${of.group}/${of.version}`,
        kind: of.kind,
        metadata: { namespace, name },
        spec: spec(name, random),
      }) as unknown as KubeObject,
  };
}

/** A template that differs from another image's in what it asks for, too. */
function template(
  name: string,
  random: Random,
  restartPolicy = "Always",
  requests: object = { cpu: random.pick(["250m", "500m", "1", "2"]) },
): Record<string, unknown> {
  const image = `image:${random.between(1, 4)}`;
  const priorityClassName = random.weighted([
    [4, undefined],
    [2, "high"],
    [2, "low"],
    [1, "patient"],
  ] as const);
  return {
    metadata: { labels: { app: name } },
    spec: {
      restartPolicy,
      terminationGracePeriodSeconds: 5,
      ...(priorityClassName !== undefined && { priorityClassName }),
      containers: [{ name: "main", image, resources: { requests } }],
    },
  };
}

function deploymentSpec(name: string, random: Random): Readonly<Record<string, unknown>> {
  const rolling = { maxSurge: random.between(1, 2), maxUnavailable: random.between(0, 2) };
  const strategy = random.chance(0.8)
    ? { type: "RollingUpdate", rollingUpdate: rolling }
    : { type: "Recreate" };
  return {
    replicas: random.between(0, 6),
    revisionHistoryLimit: random.between(0, 3),
    selector: { matchLabels: { app: name } },
    strategy,
    template: template(name, random),
  };
}

function statefulSetSpec(name: string, random: Random): Readonly<Record<string, unknown>> {
  return {
    replicas: random.between(0, 4),
    serviceName: name,
    podManagementPolicy: random.chance(0.7) ? "OrderedReady" : "Parallel",
    selector: { matchLabels: { app: name } },
    template: template(name, random),
  };
}

/** Daemon pods ask for nothing: on a full node one that asks may wait for ever, and rightly so. */
function daemonSetSpec(name: string, random: Random): Readonly<Record<string, unknown>> {
  const rollingUpdate = random.chance(0.5)
    ? { maxSurge: 0, maxUnavailable: random.between(1, 2) }
    : { maxSurge: 1, maxUnavailable: 0 };
  return {
    selector: { matchLabels: { app: name } },
    updateStrategy: { type: "RollingUpdate", rollingUpdate },
    template: template(name, random, "Always", {}),
  };
}

function jobSpec(name: string, random: Random): Readonly<Record<string, unknown>> {
  return {
    completions: random.between(1, 6),
    parallelism: random.between(1, 3),
    backoffLimit: random.between(0, 6),
    completionMode: random.pick(["Indexed", "NonIndexed"]),
    ...(random.chance(0.3) && { ttlSecondsAfterFinished: 60 }),
    ...(random.chance(0.3) && { podReplacementPolicy: "Failed" }),
    template: template(name, random, "Never"),
  };
}

function cronJobSpec(name: string, random: Random): Readonly<Record<string, unknown>> {
  return {
    schedule: "* * * * *",
    concurrencyPolicy: random.pick(["Allow", "Forbid", "Replace"]),
    startingDeadlineSeconds: 120,
    jobTemplate: {
      spec: { backoffLimit: 1, template: template(name, random, "Never") },
    },
  };
}

type Change = Readonly<Record<string, unknown>>;

/** A strategic merge patch that a user might send to an object of the kind. */
export function change(kind: string, random: Random): Change | undefined {
  const image = { containers: [{ name: "main", image: `image:${random.between(1, 4)}` }] };
  const update: Change = { spec: { template: { spec: image } } };
  switch (kind) {
    case "Deployment":
      return random.weighted<Change>([
        [4, { spec: { replicas: random.between(0, 6) } }],
        [4, update],
        [1, { spec: { paused: random.chance(0.5) } }],
      ]);
    case "StatefulSet":
      return random.weighted<Change>([
        [4, { spec: { replicas: random.between(0, 4) } }],
        [4, update],
        [1, { spec: { updateStrategy: { rollingUpdate: { partition: random.between(0, 2) } } } }],
        [1, { spec: { updateStrategy: { rollingUpdate: { maxUnavailable: random.pick([1, 2, "50%"]) } } } }],
      ]);
    case "DaemonSet":
      return update;
    case "Job":
      return random.pick([
        { spec: { parallelism: random.between(1, 4) } },
        { spec: { suspend: random.chance(0.5) } },
      ]);
    case "PodDisruptionBudget":
      return { spec: { minAvailable: random.between(1, 3) } };
    default:
      return undefined;
  }
}
