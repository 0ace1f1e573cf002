/** How long a change of a ConfigMap takes to the file of a pod that mounts it. @module */
import { readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Pods } from "#api/core/v1/pod";
import type { ConfigMap, Pod } from "#api/core/v1/types.gen";
import { newInformerFactory, type Client } from "#client";

const namespace = "default";
const NAME = "bench-config";
const KEY = "key";
const GRACE_SECONDS = 1;

export interface UpdateTimes {
  /** From the request until the pod can read the new text. */
  readonly fileMs: number;
  /** Until a watch of the bench's own shows it. */
  readonly watchMs: number;
}

export interface ConfigMapUpdates extends AsyncDisposable {
  /** Changes it once. */
  run(): Promise<UpdateTimes>;
}

/** The pod's volume is looked at from the node: it is the same folder, mounted into the container. */
export async function configMapUpdates(
  client: Client,
  image: string,
  kubeletDir: string,
  parent: AbortSignal,
): Promise<ConfigMapUpdates> {
  const stop = new AbortController();
  const signal = AbortSignal.any([parent, stop.signal]);
  let turn = 0;
  let onSeen: ((text: string | undefined) => void) | undefined;
  let onReady: ((pod: Pod) => void) | undefined;
  const informers = newInformerFactory({ client });
  informers
    .informer(ConfigMaps)
    .addEventHandler({ onUpdate: ({ metadata, data }) => metadata.name === NAME && onSeen?.(data?.[KEY]) });
  informers
    .informer(Pods)
    .addEventHandler({ onUpdate: (pod) => pod.metadata.name === NAME && onReady?.(pod) });
  informers.start(signal);
  await informers.waitForSync(signal);
  const ready = new Promise<Pod>((resolve) => {
    onReady = (pod) =>
      pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true &&
      resolve(pod);
  });
  await client.create(ConfigMaps, configMap("0"), signal);
  await client.create(Pods, newPod(image), signal);
  const { uid } = (await ready).metadata;
  const volume = join(kubeletDir, "pods", uid!, "volumes/kubernetes.io~configmap/config");
  return {
    async run() {
      const text = String(++turn);
      const seen = new Promise<number>((resolve) => {
        onSeen = (value) => value === text && resolve(performance.now());
      });
      const changed = untilText(volume, text);
      const startMs = performance.now();
      await client.update(ConfigMaps, configMap(text), signal);
      const [watchedAt, changedAt] = await Promise.all([seen, changed]);
      return { watchMs: watchedAt - startMs, fileMs: changedAt - startMs };
    },
    async [Symbol.asyncDispose]() {
      await client.delete(Pods, { namespace, name: NAME }, signal, { gracePeriodSeconds: GRACE_SECONDS });
      await client.delete(ConfigMaps, { namespace, name: NAME }, signal);
      stop.abort();
      await informers.stopped();
    },
  };
}

/** Resolves with the time when the file says `text`. */
function untilText(volume: string, text: string): Promise<number> {
  return new Promise((resolve) => {
    const watcher = watch(volume, () => {
      if (readFileSync(join(volume, KEY), "utf8") !== text) return;
      watcher.close();
      resolve(performance.now());
    });
  });
}

function configMap(text: string): ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: NAME, namespace }, data: { [KEY]: text } };
}

function newPod(image: string): Pod {
  const containers = [{ name: "c", image, volumeMounts: [{ name: "config", mountPath: "/etc/config" }] }];
  const volumes = [{ name: "config", configMap: { name: NAME } }];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: NAME, namespace },
    spec: { containers, volumes },
  };
}
