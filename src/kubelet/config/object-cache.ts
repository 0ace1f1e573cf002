/** ConfigMaps and Secrets that pods of this node name: one watch per object, shared, and only while a pod needs it. @module */
import type { Clock, Kind, KubeObject, Logger } from "#apimachinery";
import { type Client, Informer } from "#client";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Secrets } from "#api/core/v1/secret";
import type { ConfigMap, Pod, Secret } from "#api/core/v1/types.gen";
import type { ClusterTrustBundle } from "#api/certificates/v1/types.gen";
import { TrustBundleCache } from "./trust-bundle-cache.ts";
import { allContainersOf, specOf, uidOf } from "../container/pod-spec.ts";

type Watched = ConfigMap | Secret;
type What = "configmap" | "secret";

interface Entry {
  readonly informer: Informer<ConfigMap> | Informer<Secret>;
  readonly stop: AbortController;
  readonly done: Promise<void>;
  readonly pods: Set<string>;
}

export interface ObjectCacheOptions {
  readonly client: Pick<Client, "list" | "watch" | "get">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Told of every change of an object that the pod names. */
  readonly onChange: (podUid: string) => void;
}

/** Objects watched at the same time. Beyond it objects are read each time they are needed, and changes come late. */
const WATCHES_MAX = 2000;
/** How long a pod waits for the first list of a new watch. */
const SYNC_TIMEOUT_MS = 10_000;

export class ObjectCache {
  readonly #entries = new Map<string, Entry>();
  readonly #options: ObjectCacheOptions;
  readonly #bundles: TrustBundleCache;

  constructor(options: ObjectCacheOptions) {
    this.#options = options;
    this.#bundles = new TrustBundleCache(options);
  }

  /** Watches what the pod names, and no longer what it does not. */
  register(pod: Pod): void {
    const uid = uidOf(pod);
    const wanted = new Set(referencesOf(pod));
    for (const [key, entry] of this.#entries) if (!wanted.has(key)) this.#drop(key, entry, uid);
    for (const key of wanted) this.#add(key, uid);
    this.#bundles.register(pod);
  }

  unregister(uid: string): void {
    for (const [key, entry] of this.#entries) this.#drop(key, entry, uid);
    this.#bundles.unregister(uid);
  }

  /** All that there are, for a pod that is registered and mounts some. */
  trustBundles(signal: AbortSignal): Promise<readonly ClusterTrustBundle[]> {
    return this.#bundles.list(signal);
  }

  configMap(namespace: string, name: string, signal: AbortSignal): Promise<ConfigMap | undefined> {
    return this.#get(ConfigMaps, keyOf("configmap", namespace, name), namespace, name, signal);
  }

  secret(namespace: string, name: string, signal: AbortSignal): Promise<Secret | undefined> {
    return this.#get(Secrets, keyOf("secret", namespace, name), namespace, name, signal);
  }

  async close(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const { stop } of entries) stop.abort();
    await Promise.all([...entries.map(({ done }) => done), this.#bundles.close()]);
  }

  async #get<T extends Watched>(
    kind: Kind<T>,
    key: string,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      const list = await this.#options.client.list(
        kind,
        { namespace, fieldSelector: `metadata.name=${name}` },
        signal,
      );
      return list.items[0];
    }
    const timeout = new AbortController();
    const timer = this.#options.clock.after(SYNC_TIMEOUT_MS, () => {
      timeout.abort(
        new Error(
          `failed to sync ${key.slice(0, key.indexOf(" "))} cache: timed out waiting for the condition`,
        ),
      );
    });
    try {
      await entry.informer.waitForSync(AbortSignal.any([signal, timeout.signal]));
    } finally {
      timer.cancel();
    }
    return (entry.informer as unknown as Informer<T>).lister.get(`${namespace}/${name}`);
  }

  #add(key: string, uid: string): void {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.pods.add(uid);
      return;
    }
    if (this.#entries.size >= WATCHES_MAX) return;
    const pods = new Set([uid]);
    const changed = (): void => {
      for (const pod of pods) this.#options.onChange(pod);
    };
    const [what, path] = key.split(" ") as [What, string];
    const [namespace, name] = path.split("/") as [string, string];
    const informer =
      what === "secret"
        ? this.#informer(Secrets, namespace, name, changed)
        : this.#informer(ConfigMaps, namespace, name, changed);
    const stop = new AbortController();
    this.#entries.set(key, { informer, stop, pods, done: informer.run(stop.signal) });
  }

  #informer<T extends KubeObject>(
    kind: Kind<T>,
    namespace: string,
    name: string,
    changed: () => void,
  ): Informer<T> {
    const { client, clock, random, logger } = this.#options;
    const dependencies = { client, clock, random, logger, freeze: false, watchList: false };
    const informer = new Informer(kind, dependencies, { namespace, fieldSelector: `metadata.name=${name}` });
    const onAdd = (_: T, initial: boolean): void => (initial ? undefined : changed());
    informer.addEventHandler({ onAdd, onUpdate: changed, onDelete: changed });
    return informer;
  }

  #drop(key: string, entry: Entry, uid: string): void {
    if (!entry.pods.delete(uid) || entry.pods.size > 0) return;
    this.#entries.delete(key);
    entry.stop.abort();
  }
}

function keyOf(what: What, namespace: string, name: string): string {
  return `${what} ${namespace}/${name}`;
}

/** Keys of everything that the pod's volumes, environment and image pulls name. */
function referencesOf(pod: Pod): readonly string[] {
  const namespace = pod.metadata.namespace ?? "";
  const keys: string[] = [];
  const add = (what: What, name: string | undefined): void => {
    if (name !== undefined && name !== "") keys.push(keyOf(what, namespace, name));
  };
  for (const volume of specOf(pod).volumes ?? []) {
    add("configmap", volume.configMap?.name);
    add("secret", volume.secret?.secretName);
    for (const source of volume.projected?.sources ?? []) {
      add("configmap", source.configMap?.name);
      add("secret", source.secret?.name);
    }
  }
  for (const { name } of specOf(pod).imagePullSecrets ?? []) add("secret", name);
  for (const { env, envFrom } of allContainersOf(pod)) {
    for (const { valueFrom } of env ?? []) {
      add("configmap", valueFrom?.configMapKeyRef?.name);
      add("secret", valueFrom?.secretKeyRef?.name);
    }
    for (const { configMapRef, secretRef } of envFrom ?? []) {
      add("configmap", configMapRef?.name);
      add("secret", secretRef?.name);
    }
  }
  return keys;
}
