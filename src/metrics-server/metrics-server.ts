/** The resource metrics API: asks every kubelet what its node and pods use, and answers who asks for it. @module */
import { pause, StatusError, type Clock, type Logger } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Node, Pod } from "#api/core/v1/types.gen";
import type { InformerFactory, Lister } from "#client";
import { decodeResourceMetrics, type NodeSample } from "./decode.ts";
import { resourceDiscovery } from "./discovery.ts";
import type { Scrape } from "./kubelet-scraper.ts";
import { nodeMetrics, podMetrics } from "./metrics-objects.ts";
import { MetricsStorage } from "./metrics-storage.ts";
import { openApiV2, openApiV3 } from "./openapi.ts";
import { answerRequest, type MetricsAnswer, type MetricsReader, type MetricsRequest } from "./requests.ts";
import { GROUP, VERSION, type NodeMetrics, type PodMetrics } from "./types.ts";

/** Between two rounds, as upstream's `--metric-resolution`. */
const RESOLUTION_MS = 15_000;
/** Kubelets that are asked at the same time. */
const SCRAPES_MAX = 32;

export interface MetricsServerOptions {
  readonly scrape: Scrape;
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
  readonly #storage = new MetricsStorage(RESOLUTION_MS);
  /** Nodes whose failure was logged already. Bounded by the nodes. */
  #failing: ReadonlySet<string> = new Set();
  #listers: Listers | undefined;

  constructor(options: MetricsServerOptions) {
    this.#options = options;
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
      await pause(clock, Math.max(0, RESOLUTION_MS - (clock.monotonicMs() - begunMs)), signal);
    }
  }

  /** Throws StatusError. */
  handle(request: MetricsRequest): MetricsAnswer {
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
      nodes: (wanted) => nodes.list().filter(wanted).flatMap((node) => ofNode(node) ?? []).toSorted(byName),
      pods: (namespace, wanted) =>
        pods.list(namespace).filter(wanted).flatMap((pod) => ofPod(pod) ?? []).toSorted(byName),
    };
  }

  async #round(nodes: readonly Node[], signal: AbortSignal): Promise<void> {
    const samples = new Map<string, NodeSample>();
    const failing = new Set<string>();
    const waiting = nodes.values();
    const worker = async (): Promise<void> => {
      for (const node of waiting) {
        if (signal.aborted) return;
        const sample = await this.#sample(node, signal);
        if (sample === undefined) failing.add(node.metadata.name);
        else samples.set(node.metadata.name, sample);
      }
    };
    await Promise.all(Array.from({ length: Math.min(SCRAPES_MAX, nodes.length) }, worker));
    if (signal.aborted) return;
    this.#failing = failing;
    this.#storage.store(samples);
  }

  /** A failure is told once, until the node answers again. */
  async #sample(node: Node, signal: AbortSignal): Promise<NodeSample | undefined> {
    const { scrape, clock, logger } = this.#options;
    const { name } = node.metadata;
    try {
      const text = await scrape(node, signal);
      return decodeResourceMetrics(text, clock.now());
    } catch (err) {
      if (!signal.aborted && !this.#failing.has(name)) {
        logger.warn("Failed to scrape node", { node: name, err });
      }
      return undefined;
    }
  }
}

function isReady({ status }: Node): boolean {
  return status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") ?? false;
}

function found<T, R>(object: T | undefined, metrics: (object: T) => R | undefined): R | undefined {
  return object === undefined ? undefined : metrics(object);
}

function byName({ metadata: a }: NodeMetrics | PodMetrics, { metadata: b }: NodeMetrics | PodMetrics): number {
  const byNamespace = compare(a.namespace ?? "", b.namespace ?? "");
  return byNamespace === 0 ? compare(a.name, b.name) : byNamespace;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
