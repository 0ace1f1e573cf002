/** The resource metrics API: asks every kubelet what its node and pods use, and answers who asks for it. @module */
import { setImmediate } from "node:timers/promises";
import { pause, StatusError, type Clock, type KubeObject, type Logger } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Node, Pod } from "#api/core/v1/types.gen";
import type { InformerFactory, Lister } from "#client";
import { decodeResourceMetrics } from "./decode.ts";
import { resourceDiscovery } from "./discovery.ts";
import type { Scrape } from "./kubelet-scraper.ts";
import { nodeMetrics, podMetrics } from "./metrics-objects.ts";
import { MetricsStorage, type Round } from "./metrics-storage.ts";
import { openApiV2, openApiV3 } from "./openapi.ts";
import {
  answerRequest,
  type MetricsAnswer,
  type MetricsReader,
  type MetricsRequest,
  type Wanted,
} from "./requests.ts";
import { GROUP, VERSION, type NodeMetrics, type PodMetrics } from "./types.ts";

const RESOLUTION_MS = 15_000;
/** Kubelets that are asked at the same time. */
const SCRAPES_MAX = 32;
/** Measurements of so many nodes are read, and so many objects shown, between two turns of the event loop. */
const NODES_PER_TURN = 4;
const OBJECTS_PER_TURN = 500;

export interface MetricsServerOptions {
  readonly scrape: Scrape;
  /** Between two rounds. Default 15 s, as upstream's `--metric-resolution`. */
  readonly resolutionMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Listers {
  readonly nodes: Lister<Node>;
  readonly pods: Lister<Pod>;
}

/** Is what an API server takes as backend of an APIService in its own process. */
export class MetricsServer {
  readonly group: string = GROUP;
  readonly version: string = VERSION;
  /** As `APIResourceDiscovery`. */
  readonly resources: readonly object[] = resourceDiscovery;
  readonly openApi: { readonly v2: object; readonly v3: object } = { v2: openApiV2, v3: openApiV3 };
  readonly #options: MetricsServerOptions;
  readonly #resolutionMs: number;
  readonly #storage: MetricsStorage;
  /** Nodes whose failure was logged already. Bounded by the nodes. */
  #failing: ReadonlySet<string> = new Set();
  #listers: Listers | undefined;

  constructor(options: MetricsServerOptions) {
    this.#options = options;
    this.#resolutionMs = options.resolutionMs ?? RESOLUTION_MS;
    this.#storage = new MetricsStorage(this.#resolutionMs);
  }

  /** Measures until `signal` aborts. Until the informers have synced, who asks is answered 503. */
  async run(informers: InformerFactory, signal: AbortSignal): Promise<void> {
    const listers = { nodes: informers.lister(Nodes), pods: informers.lister(Pods) };
    informers.start(signal);
    await informers.waitForSync(signal);
    this.#listers = listers;
    const { clock } = this.#options;
    while (!signal.aborted) {
      const begunMs = clock.monotonicMs();
      await this.#round(listers.nodes.list().filter(isReady), signal);
      await pause(clock, Math.max(0, this.#resolutionMs - (clock.monotonicMs() - begunMs)), signal);
    }
  }

  /** Rejects with StatusError. */
  async handle(request: MetricsRequest): Promise<MetricsAnswer> {
    const listers = this.#listers;
    if (listers === undefined) {
      throw new StatusError("ServiceUnavailable", "the metrics server has not read nodes and pods yet");
    }
    return answerRequest(request, this.#reader(listers));
  }

  #reader({ nodes, pods }: Listers): MetricsReader {
    const nowMs = this.#options.clock.now();
    const ofNode = ({ metadata }: Node): NodeMetrics | undefined => {
      const usage = this.#storage.node(metadata.name);
      return usage && nodeMetrics(metadata, usage, nowMs);
    };
    const ofPod = ({ metadata }: Pod): PodMetrics | undefined => {
      const usages = this.#storage.pod(metadata.namespace ?? "", metadata.name);
      return usages && podMetrics(metadata, usages, nowMs);
    };
    return {
      node: (name) => found(nodes.get(name), ofNode),
      pod: (namespace, name) => found(pods.get(`${namespace}/${name}`), ofPod),
      nodes: async (wanted) => (await shown(nodes.list(), wanted, ofNode)).toSorted(byName),
      pods: async (namespace, wanted) => (await shown(pods.list(namespace), wanted, ofPod)).toSorted(byName),
    };
  }

  async #round(nodes: readonly Node[], signal: AbortSignal): Promise<void> {
    const round = this.#storage.begin();
    const failing = new Set<string>();
    const waiting = nodes.entries();
    const worker = async (): Promise<void> => {
      for (const [i, node] of waiting) {
        if (signal.aborted) return;
        if (!(await this.#sample(node, round, signal))) failing.add(node.metadata.name);
        if (i % NODES_PER_TURN === NODES_PER_TURN - 1) await setImmediate();
      }
    };
    await Promise.all(Array.from({ length: Math.min(SCRAPES_MAX, nodes.length) }, worker));
    if (signal.aborted) return;
    this.#failing = failing;
    round.commit();
  }

  /** A failure is told once, until the node answers again. */
  async #sample(node: Node, round: Round, signal: AbortSignal): Promise<boolean> {
    const { scrape, clock, logger } = this.#options;
    const { name } = node.metadata;
    try {
      const text = await scrape(node, signal);
      round.add(name, decodeResourceMetrics(text, clock.now()));
      return true;
    } catch (err) {
      if (!signal.aborted && !this.#failing.has(name)) {
        logger.warn("Failed to scrape node", { node: name, err });
      }
      return false;
    }
  }
}

function isReady({ status }: Node): boolean {
  return status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") ?? false;
}

function found<T, R>(object: T | undefined, metrics: (object: T) => R | undefined): R | undefined {
  return object === undefined ? undefined : metrics(object);
}

async function shown<T extends KubeObject, R>(
  objects: readonly T[],
  wanted: Wanted,
  metrics: (object: T) => R | undefined,
): Promise<readonly R[]> {
  const all: R[] = [];
  for (const [i, object] of objects.entries()) {
    const made = wanted(object) ? metrics(object) : undefined;
    if (made !== undefined) all.push(made);
    if (i % OBJECTS_PER_TURN === OBJECTS_PER_TURN - 1) await setImmediate();
  }
  return all;
}

function byName(
  { metadata: a }: NodeMetrics | PodMetrics,
  { metadata: b }: NodeMetrics | PodMetrics,
): number {
  const byNamespace = compare(a.namespace ?? "", b.namespace ?? "");
  return byNamespace === 0 ? compare(a.name, b.name) : byNamespace;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
