/** The informers of a process: one per kind and scope, however many parts of it ask. @module */
import {
  silentLogger,
  systemClock,
  type Clock,
  type Kind,
  type KubeObject,
  type Logger,
} from "#apimachinery";
import type { Client, InformerFactory, Lister, SharedInformer } from "./client.ts";
import { Informer, type InformerDependencies, type InformerOptions } from "./shared-informer.ts";

export interface InformerFactoryOptions {
  readonly client: Pick<Client, "list" | "watch">;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly logger?: Logger;
  /** Default true: readers share the objects. Objects that arrive frozen (in process) cost nothing. */
  readonly freeze?: boolean;
  /** Default true: lists arrive as streams from servers that can. */
  readonly watchList?: boolean;
  /** For informers that have no transformation of their own. Must not change its argument, its key or its resourceVersion. */
  readonly transform?: <T extends KubeObject>(object: T) => T;
}

interface Entry {
  readonly informer: Informer<KubeObject>;
  running: Promise<void> | undefined;
}

export class SharedInformerFactory implements InformerFactory {
  readonly #dependencies: InformerDependencies;
  readonly #transform: InformerFactoryOptions["transform"];
  readonly #entries = new Map<string, Entry>();

  constructor(options: InformerFactoryOptions) {
    const { client, clock = systemClock, random = Math.random, logger = silentLogger } = options;
    const { freeze = true, watchList = true, transform } = options;
    this.#transform = transform;
    this.#dependencies = { client, clock, random, logger, freeze, watchList };
  }

  informer<T extends KubeObject>(kind: Kind<T>): SharedInformer<T> {
    return this.informerFor(kind, {});
  }

  /** An informer of a part of a kind. Asking again with the same selectors gives the same one; the first `transform` stays. */
  informerFor<T extends KubeObject>(kind: Kind<T>, options: InformerOptions<T>): SharedInformer<T> {
    const { namespace = "", labelSelector = "", fieldSelector = "" } = options;
    const { group, version, names } = kind;
    const id = JSON.stringify([group, version, names.plural, namespace, labelSelector, fieldSelector]);
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry.informer as unknown as SharedInformer<T>;
    const transform = options.transform ?? this.#transform;
    const kept = transform === undefined ? options : { ...options, transform };
    const informer = new Informer(kind, this.#dependencies, kept);
    this.#entries.set(id, { informer: informer as unknown as Informer<KubeObject>, running: undefined });
    return informer;
  }

  lister<T extends KubeObject>(kind: Kind<T>): Lister<T> {
    return this.informer(kind).lister;
  }

  start(signal: AbortSignal): void {
    for (const entry of this.#entries.values()) entry.running ??= entry.informer.run(signal);
  }

  async waitForSync(signal: AbortSignal): Promise<void> {
    const started = [...this.#entries.values()].filter((entry) => entry.running !== undefined);
    await Promise.all(started.map((entry) => entry.informer.waitForSync(signal)));
  }

  /** Resolves when every informer has stopped, after the signal of `start` aborted. */
  async stopped(): Promise<void> {
    for (const { running } of this.#entries.values()) await running;
  }
}

export function newInformerFactory(options: InformerFactoryOptions): SharedInformerFactory {
  return new SharedInformerFactory(options);
}
