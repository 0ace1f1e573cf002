/** Pods that look into their volumes and end: what they found is their termination message. @module */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import type { Container, Pod, PodSpec, Volume, VolumeMount } from "#api/core/v1/types.gen";
import { WEB_IMAGE, type ContainersContext } from "../harness/index.ts";

export interface Look {
  /** Each is mounted at `/<its name>`, for reading and writing, unless `mounts` says otherwise. */
  readonly volumes?: readonly Volume[];
  readonly mounts?: readonly VolumeMount[];
  /** A shell script; what it prints is the message. It fails with its first command that does. */
  readonly script: string;
  readonly container?: Partial<Container>;
  readonly spec?: Partial<PodSpec>;
  readonly metadata?: Partial<Pod["metadata"]>;
}

/** Loops until the shell condition holds; it is the pod that looks again, not the test. */
export function shellUntil(condition: string): string {
  return `until ${condition}; do sleep 0.05; done`;
}

/** `mode uid gid` of what a path leads to. */
export function statOf(path: string): string {
  return `stat -L -c '%a %u %g' ${path}`;
}

export function podOf(t: ContainersContext, name: string, what: Look): Pod {
  const { volumes = [], script, container, spec, metadata } = what;
  const volumeMounts =
    what.mounts ?? volumes.map((volume) => ({ name: volume.name, mountPath: `/${volume.name}` }));
  const command = ["sh", "-ec", `exec >/dev/termination-log 2>&1\n${script}`];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...metadata, name, namespace: t.namespace },
    spec: {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      ...spec,
      containers: [{ name: "main", image: WEB_IMAGE, command, volumeMounts, ...container }],
      volumes,
    },
  };
}

/** Resolves once it runs; `found` tells what it found when it has ended. */
export async function startLook(t: ContainersContext, name: string, what: Look): Promise<Pod> {
  const pod = await t.client.create(Pods, podOf(t, name, what), t.signal);
  const started = await t.waitFor(Pods, pod.metadata, (now) =>
    /Running|Succeeded|Failed/.test(now?.status?.phase ?? ""),
  );
  assert.equal(started.status?.phase, "Running", `${name} has ended: ${messageOf(started)}`);
  return started;
}

export async function found(t: ContainersContext, name: string): Promise<string> {
  const pod = await t.waitFor(Pods, { namespace: t.namespace, name }, (now) =>
    /Succeeded|Failed/.test(now?.status?.phase ?? ""),
  );
  const message = messageOf(pod);
  assert.equal(pod.status?.phase, "Succeeded", `${name} failed: ${message}`);
  return message;
}

function messageOf(pod: Pod): string {
  return pod.status?.containerStatuses?.[0]?.state?.terminated?.message ?? "";
}

export async function look(t: ContainersContext, name: string, what: Look): Promise<string> {
  await t.client.create(Pods, podOf(t, name, what), t.signal);
  return found(t, name);
}

/** In a pod that runs. */
export function read(t: ContainersContext, pod: string, ...paths: readonly string[]): Promise<string> {
  return t.kubectl("exec", pod, "--", "cat", ...paths);
}
