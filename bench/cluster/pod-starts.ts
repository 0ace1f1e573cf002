/** How long pods take from their creation to Ready, as a client sees it. @module */
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { newInformerFactory, type Client } from "#client";

const namespace = "default";

export interface PodStarts extends AsyncDisposable {
  /**
   * Creates `count` pods at once; resolves with the ms to Ready of each. The pods are removed before it resolves, after
   * `whenReady` has.
   */
  run(count: number, whenReady?: () => Promise<void>): Promise<readonly number[]>;
}

/** Pods of `image`, which is on the node already; the command ends at once when asked to. */
export async function podStarts(client: Client, image: string, parent: AbortSignal): Promise<PodStarts> {
  const stop = new AbortController();
  const signal = AbortSignal.any([parent, stop.signal]);
  const informers = newInformerFactory({ client });
  const waiting = new Map<string, (now: number) => void>();
  const gone = new Map<string, () => void>();
  const seen = (pod: Pod): void => {
    const isReady = pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
    if (isReady === true) waiting.get(pod.metadata.name)?.(performance.now());
  };
  informers.informer(Pods).addEventHandler({
    onAdd: seen,
    onUpdate: seen,
    onDelete: ({ metadata }) => gone.get(metadata.name)?.(),
  });
  informers.start(signal);
  await informers.waitForSync(signal);
  let next = 0;
  const one = async (): Promise<number> => {
    const name = `bench-${next++}`;
    const ready = new Promise<number>((resolve) => waiting.set(name, resolve));
    const startMs = performance.now();
    await client.create(Pods, newPod(name, image), signal);
    return (await ready) - startMs;
  };
  const remove = async (name: string): Promise<void> => {
    const left = new Promise<void>((resolve) => gone.set(name, resolve));
    await client.delete(Pods, { namespace, name }, signal, { gracePeriodSeconds: 1 });
    await left;
  };
  return {
    async run(count, whenReady) {
      const first = next;
      const ms = await Promise.all(Array.from({ length: count }, one));
      await whenReady?.();
      await Promise.all(Array.from({ length: count }, (_, i) => remove(`bench-${first + i}`)));
      return ms;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await informers.stopped();
    },
  };
}

function newPod(name: string, image: string): Pod {
  const containers = [{ name: "c", image }];
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec: { containers } };
}
