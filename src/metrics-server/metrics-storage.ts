/** The last two measurements of every node and container. @module */
import type { NodeSample } from "./decode.ts";
import { previousPoint, resourceUsage, type MetricsPoint, type ResourceUsage } from "./metrics-point.ts";

interface Pair {
  readonly last: MetricsPoint;
  readonly previous: MetricsPoint | undefined;
}

export interface ContainerUsage extends ResourceUsage {
  readonly name: string;
}

/** All nodes that answered. A pod that two of them tell of is that of the newer measurement. */
export interface Round {
  add(node: string, sample: NodeSample): void;
  commit(): void;
}

/** Bounded by the nodes of the last round and their pods: what a round does not tell is forgotten. */
export class MetricsStorage {
  readonly #resolutionMs: number;
  #nodes: ReadonlyMap<string, Pair> = new Map();
  #pods: ReadonlyMap<string, ReadonlyMap<string, Pair>> = new Map();

  constructor(resolutionMs: number) {
    this.#resolutionMs = resolutionMs;
  }

  /** A round begins: what is added is seen once `commit` is called, and replaces everything. */
  begin(): Round {
    const nodes = new Map<string, Pair>();
    const pods = new Map<string, ReadonlyMap<string, Pair>>();
    return {
      add: (name, { node, pods: ofNode }) => {
        if (node !== undefined) nodes.set(name, this.#pair(node, this.#nodes.get(name)));
        for (const [key, containers] of ofNode) {
          const other = pods.get(key);
          if (other !== undefined && newest(other) > newestPoint(containers)) continue;
          const known = this.#pods.get(key);
          const pairs = new Map<string, Pair>();
          for (const [container, point] of containers) {
            pairs.set(container, this.#pair(point, known?.get(container)));
          }
          pods.set(key, pairs);
        }
      },
      commit: () => {
        this.#nodes = nodes;
        this.#pods = pods;
      },
    };
  }

  node(name: string): ResourceUsage | undefined {
    return usageOf(this.#nodes.get(name));
  }

  /** Undefined when none of its containers was measured twice. In the order in which the kubelet tells them. */
  pod(namespace: string, name: string): readonly ContainerUsage[] | undefined {
    const containers = this.#pods.get(`${namespace}/${name}`);
    if (containers === undefined) return undefined;
    const usages: ContainerUsage[] = [];
    for (const [container, pair] of containers) {
      const usage = usageOf(pair);
      if (usage !== undefined) usages.push({ name: container, ...usage });
    }
    return usages.length === 0 ? undefined : usages;
  }

  #pair(last: MetricsPoint, known: Pair | undefined): Pair {
    return { last, previous: previousPoint(last, known ?? {}, this.#resolutionMs) };
  }
}

function usageOf(pair: Pair | undefined): ResourceUsage | undefined {
  return pair?.previous === undefined ? undefined : resourceUsage(pair.last, pair.previous);
}

function newest(pairs: ReadonlyMap<string, Pair>): number {
  return Math.max(...[...pairs.values()].map(({ last }) => last.atMs));
}

function newestPoint(points: ReadonlyMap<string, MetricsPoint>): number {
  return Math.max(...[...points.values()].map(({ atMs }) => atMs));
}
