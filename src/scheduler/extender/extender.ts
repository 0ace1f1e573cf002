/** A part of the scheduler that somebody else runs and that is asked over HTTP; upstream's `HTTPExtender`. @module */
import type { Container, Pod } from "#api/core/v1/types.gen";
import { quote } from "#apimachinery";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { ExtenderConfig } from "../config/types.ts";
import { newCandidate, type Candidate } from "../preemption/plan.ts";
import type {
  ExtenderArgs,
  ExtenderBindingArgs,
  ExtenderBindingResult,
  ExtenderFilterResult,
  ExtenderPreemptionArgs,
  ExtenderPreemptionResult,
  FailedNodes,
  HostPriority,
  MetaVictims,
  Victims,
} from "./wire.ts";

/** Sends a request body to a URL and gives the answer's. Rejects unless the answer is 200. */
export type ExtenderPost = (url: string, body: string, action: string) => Promise<string>;

export interface ExtenderFiltered {
  readonly nodes: readonly NodeInfo[];
  readonly failed: FailedNodes;
  readonly failedAndUnresolvable: FailedNodes;
}

export class Extender {
  /** Its URL. */
  readonly name: string;
  readonly isIgnorable: boolean;
  readonly isFilter: boolean;
  readonly isPrioritizer: boolean;
  readonly isBinder: boolean;
  readonly supportsPreemption: boolean;
  readonly weight: number;
  readonly #config: ExtenderConfig;
  readonly #managed: ReadonlySet<string>;
  readonly #post: ExtenderPost;

  constructor(config: ExtenderConfig, post: ExtenderPost) {
    this.#config = config;
    this.#post = post;
    this.name = config.urlPrefix;
    this.isIgnorable = config.ignorable === true;
    this.isFilter = (config.filterVerb ?? "") !== "";
    this.isPrioritizer = (config.prioritizeVerb ?? "") !== "";
    this.isBinder = (config.bindVerb ?? "") !== "";
    this.supportsPreemption = (config.preemptVerb ?? "") !== "";
    this.weight = config.weight ?? 0;
    this.#managed = new Set((config.managedResources ?? []).map(({ name }) => name));
  }

  /** All pods if it manages no resources, else those that ask for one of them. */
  isInterested({ spec }: Pod): boolean {
    if (this.#managed.size === 0) return true;
    const asks = ({ resources }: Container): boolean =>
      [resources?.requests, resources?.limits].some((amounts) =>
        Object.keys(amounts ?? {}).some((name) => this.#managed.has(name)),
      );
    return (spec?.containers ?? []).some(asks) || (spec?.initContainers ?? []).some(asks);
  }

  /** Those of the nodes that it lets the pod go to. */
  async filter({ pod }: PodInfo, nodes: readonly NodeInfo[]): Promise<ExtenderFiltered> {
    const args = this.#argsOf(pod, nodes);
    const result = await this.#send<ExtenderFilterResult>(this.#config.filterVerb!, args);
    if ((result.Error ?? "") !== "") throw new Error(result.Error);
    const byName = new Map(nodes.map((node) => [node.name, node]));
    const names = this.#isNodeCacheCapable ? result.NodeNames : undefined;
    const passed = names ?? (result.Nodes?.items ?? []).map(({ metadata }) => metadata.name);
    return {
      nodes: passed.map((name) => {
        const node = byName.get(name);
        if (node !== undefined) return node;
        const what = `claims a filtered node ${quote(name)} which is not found in the input node list`;
        throw new Error(`extender ${quote(this.name)} ${what}`);
      }),
      failed: result.FailedNodes ?? {},
      failedAndUnresolvable: result.FailedAndUnresolvableNodes ?? {},
    };
  }

  async prioritize({ pod }: PodInfo, nodes: readonly NodeInfo[]): Promise<readonly HostPriority[]> {
    const args = this.#argsOf(pod, nodes);
    return (await this.#send<readonly HostPriority[] | null>(this.#config.prioritizeVerb!, args)) ?? [];
  }

  /** The candidates that it agrees to, with the victims it wants. */
  async processPreemption({ pod }: PodInfo, candidates: readonly Candidate[]): Promise<readonly Candidate[]> {
    const byNode = new Map(candidates.map((candidate) => [candidate.node.name, candidate.node]));
    const record = <T>(valueOf: (candidate: Candidate) => T): Readonly<Record<string, T>> =>
      Object.fromEntries(candidates.map((candidate) => [candidate.node.name, valueOf(candidate)]));
    const args: ExtenderPreemptionArgs = {
      Pod: pod,
      NodeNameToVictims: this.#isNodeCacheCapable ? null : record(victimsOf),
      NodeNameToMetaVictims: this.#isNodeCacheCapable ? record(metaVictimsOf) : null,
    };
    const result = await this.#send<ExtenderPreemptionResult>(this.#config.preemptVerb!, args);
    return Object.entries(result.NodeNameToMetaVictims ?? {}).flatMap(([name, meta]) => {
      const node = byNode.get(name);
      if (node === undefined) throw new Error(`nodeinfo not found for node name ${quote(name)}`);
      if (meta !== null && (meta.Pods ?? []).length > 0)
        return [newCandidate(node, this.#podsOf(meta, node), meta.NumPDBViolations ?? 0)];
      if (this.isIgnorable) return [];
      throw new Error(`expected at least one victim pod on node ${quote(name)}`);
    });
  }

  async bind({ pod }: PodInfo, nodeName: string): Promise<void> {
    const { name, namespace = "", uid = "" } = pod.metadata;
    const args: ExtenderBindingArgs = {
      PodName: name,
      PodNamespace: namespace,
      PodUID: uid,
      Node: nodeName,
    };
    const result = await this.#send<ExtenderBindingResult>(this.#config.bindVerb!, args);
    if ((result.Error ?? "") !== "") throw new Error(result.Error);
  }

  get #isNodeCacheCapable(): boolean {
    return this.#config.nodeCacheCapable === true;
  }

  #argsOf(pod: Pod, nodes: readonly NodeInfo[]): ExtenderArgs {
    if (this.#isNodeCacheCapable) return { Pod: pod, Nodes: null, NodeNames: nodes.map(({ name }) => name) };
    return { Pod: pod, Nodes: { items: nodes.map(({ node }) => node) }, NodeNames: null };
  }

  #podsOf({ Pods }: MetaVictims, node: NodeInfo): readonly PodInfo[] {
    const pods = (Pods ?? []).map(({ UID }) => {
      const pod = node.pods.get(UID);
      if (pod !== undefined) return pod;
      const what = `claims to preempt pod (UID: ${UID}) on node: ${node.name}, but the pod is not found on that node`;
      throw new Error(`extender: ${this.name} ${what}`);
    });
    return pods.toSorted((a, b) => b.priority - a.priority);
  }

  async #send<T>(verb: string, args: object): Promise<T> {
    const url = `${this.#config.urlPrefix.replace(/\/+$/, "")}/${verb}`;
    return JSON.parse(await this.#post(url, JSON.stringify(args), verb)) as T;
  }
}

function victimsOf({ victims, violations }: Candidate): Victims {
  return { Pods: victims.map(({ pod }) => pod), NumPDBViolations: violations };
}

function metaVictimsOf({ victims, violations }: Candidate): MetaVictims {
  return { Pods: victims.map(({ uid }) => ({ UID: uid })), NumPDBViolations: violations };
}
