/** Where kubelet keeps the files of pods; the layout is upstream's, so that log collectors find theirs. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { uidOf } from "../container/pod-spec.ts";

export interface NodePaths {
  readonly rootDir: string;
  readonly podLogsDir: string;
}

export function podDir({ rootDir }: NodePaths, uid: string): string {
  return `${rootDir}/pods/${uid}`;
}

export function podLogDir({ podLogsDir }: NodePaths, pod: Pod): string {
  return `${podLogsDir}/${podLogDirName(pod.metadata.namespace ?? "", pod.metadata.name, uidOf(pod))}`;
}

export function podLogDirName(namespace: string, name: string, uid: string): string {
  return `${namespace}_${name}_${uid}`;
}

/** Relative to the pod's log folder. */
export function containerLogPath(containerName: string, restartCount: number): string {
  return `${containerName}/${restartCount}.log`;
}
