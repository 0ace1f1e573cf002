/** Workloads of upstream's scheduler_perf that it measures itself by, with the same names, shapes and numbers. @module */
import type { Workload } from "./workload.ts";
import { affinity } from "./workloads/affinity.ts";
import { extendedResources } from "./workloads/extended-resources.ts";
import { misc } from "./workloads/misc.ts";
import { topologySpreading } from "./workloads/topology-spreading.ts";
import { volumes } from "./workloads/volumes.ts";

export const workloads: readonly Workload[] = [
  ...misc,
  ...affinity,
  ...topologySpreading,
  ...volumes,
  ...extendedResources,
];
