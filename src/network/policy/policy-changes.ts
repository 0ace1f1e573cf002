/** Collects the policies that changed, or whose pods did, and plans them. @module */
import { Namespaces } from "#api/core/v1/namespace";
import { Pods } from "#api/core/v1/pod";
import type { Namespace, Pod } from "#api/core/v1/types.gen";
import { NetworkPolicies } from "#api/networking/v1/networkpolicy";
import { keyOf, type ObjectKey } from "#apimachinery";
import { IPV4, type NftFamily } from "../address-family.ts";
import { nextTurn, turnIsLong, type InformerFactory } from "#client";
import { compile, concerns, readsNamespaces, selects, type CompiledPolicy } from "./compiled-policy.ts";
import { emptyPlan, plan, type PolicyPlan } from "./plan.ts";
import { policyPodOf, samePolicyPod, startingPodOf, type PolicyPod, type Selectable } from "./policy-pod.ts";

type Labels = Readonly<Record<string, string>>;

export class PolicyChanges {
  readonly #nodeName: string;
  readonly #nft: NftFamily;
  readonly #policies = new Map<ObjectKey, CompiledPolicy>();
  readonly #namespaces = new Map<string, Labels>();
  readonly #pods = new Map<string, Map<string, PolicyPod>>();
  readonly #starting = new Map<ObjectKey, Selectable>();
  readonly #dirty = new Set<ObjectKey>();
  /** Whether a pod of this node began to start or came to be known since `take`. */
  #localChanged = false;
  #changed = Promise.withResolvers<void>();

  constructor(options: {
    readonly informers: InformerFactory;
    readonly nodeName: string;
    readonly nft?: NftFamily;
  }) {
    const { informers, nodeName, nft = IPV4 } = options;
    this.#nodeName = nodeName;
    this.#nft = nft;
    informers.informer(NetworkPolicies).addEventHandler({
      onAdd: (policy) => this.#setPolicy(keyOf(policy), compile(policy, nft.family)),
      onUpdate: (policy) => this.#setPolicy(keyOf(policy), compile(policy, nft.family)),
      onDelete: (policy) => this.#setPolicy(keyOf(policy), undefined),
    });
    informers.informer(Namespaces).addEventHandler({
      onAdd: (namespace) => this.#setNamespace(namespace, namespace.metadata.labels ?? {}),
      onUpdate: (namespace) => this.#setNamespace(namespace, namespace.metadata.labels ?? {}),
      onDelete: (namespace) => this.#setNamespace(namespace, undefined),
    });
    informers.informer(Pods).addEventHandler({
      onAdd: (pod) => this.#observePod(pod),
      onUpdate: (pod) => this.#observePod(pod),
      onDelete: (pod) => {
        this.#setStarting(keyOf(pod), undefined);
        this.#setPod(pod, undefined);
      },
    });
  }

  /** Plans of what changed since the last call, or of every policy. Gives way between policies. */
  async take(all: boolean): Promise<ReadonlyMap<ObjectKey, PolicyPlan>> {
    const keys = new Set(all ? [...this.#policies.keys(), ...this.#dirty] : this.#dirty);
    const view = { namespaces: this.#namespaces, pods: this.#pods, nft: this.#nft };
    const plans = new Map<ObjectKey, PolicyPlan>();
    this.#localChanged = false;
    for (const key of keys) {
      if (turnIsLong()) await nextTurn();
      this.#dirty.delete(key); // before it is planned: what changes later marks it again
      const policy = this.#policies.get(key);
      plans.set(key, policy === undefined ? emptyPlan : plan(policy, view));
    }
    return plans;
  }

  /**
   * Addresses of this node's pods while one that a policy selects is starting; undefined at other times. Pods that no
   * policy selects wait for their address to be known only while such a one starts.
   */
  knownPods(): ReadonlySet<string> | undefined {
    const policies = [...this.#policies.values()];
    const isGuarded = [...this.#starting.values()].some((pod) =>
      policies.some((policy) => selects(policy, pod)),
    );
    if (!isGuarded) return undefined;
    const known = new Set<string>();
    for (const pods of this.#pods.values())
      for (const { ip, isLocal, isHostNetwork } of pods.values())
        if (isLocal && !isHostNetwork) known.add(ip);
    return known;
  }

  /** Resolves at the next change, at once if there was one since `take`, or when `signal` aborts. */
  async next(signal: AbortSignal): Promise<void> {
    if (this.#dirty.size > 0 || this.#localChanged || signal.aborted) return;
    this.#changed = Promise.withResolvers();
    const stop = (): void => this.#changed.resolve();
    signal.addEventListener("abort", stop, { once: true });
    await this.#changed.promise;
    signal.removeEventListener("abort", stop);
  }

  #setPolicy(key: ObjectKey, policy: CompiledPolicy | undefined): void {
    if (policy === undefined) this.#policies.delete(key);
    else this.#policies.set(key, policy);
    this.#mark(key);
  }

  #setNamespace({ metadata }: Namespace, labels: Labels | undefined): void {
    const { name } = metadata;
    if (labels === undefined) this.#namespaces.delete(name);
    else this.#namespaces.set(name, labels);
    for (const [key, policy] of this.#policies) if (readsNamespaces(policy)) this.#mark(key);
  }

  #observePod(pod: Pod): void {
    this.#setStarting(keyOf(pod), startingPodOf(pod, this.#nodeName));
    this.#setPod(pod, policyPodOf(pod, this.#nodeName, this.#nft.family));
  }

  #setStarting(key: ObjectKey, pod: Selectable | undefined): void {
    if (samePolicyPod(this.#starting.get(key), pod)) return;
    if (pod === undefined) this.#starting.delete(key);
    else this.#starting.set(key, pod);
    this.#wakeForLocal();
  }

  #wakeForLocal(): void {
    if (this.#policies.size === 0) return;
    this.#localChanged = true;
    this.#changed.resolve();
  }

  #setPod({ metadata }: Pod, next: PolicyPod | undefined): void {
    const { namespace = "", name } = metadata;
    const pods = this.#pods.get(namespace) ?? new Map<string, PolicyPod>();
    const old = pods.get(name);
    if (samePolicyPod(old, next)) return;
    if (next === undefined) pods.delete(name);
    else pods.set(name, next);
    if (pods.size === 0) this.#pods.delete(namespace);
    else this.#pods.set(namespace, pods);
    if (old?.isLocal === true || next?.isLocal === true) this.#wakeForLocal();
    const labels = this.#namespaces.get(namespace);
    for (const [key, policy] of this.#policies) {
      const isConcerned = [old, next].some((pod) => pod !== undefined && concerns(policy, pod, labels));
      if (isConcerned) this.#mark(key);
    }
  }

  #mark(key: ObjectKey): void {
    this.#dirty.add(key);
    this.#changed.resolve();
  }
}
