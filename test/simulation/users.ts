/** People and machines that act on the cluster while the controllers work: creating, editing, deleting, losing nodes. @module */
import { Namespaces } from "#api/core/v1/namespace";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { PriorityClasses } from "#api/scheduling/v1/priorityclass";
import { isNotFound, keyOf, reasonOf, type Kind, type KubeObject } from "#apimachinery";
import type { Kubelets } from "./kubelets.ts";
import { isTerminal } from "./kubelets.ts";
import type { Random } from "./random.ts";
import { change, NAMESPACES, PRIORITY_CLASSES, WORKLOADS } from "./workloads.ts";
import type { World } from "./world.ts";

/** Told before and after an eviction that the server granted. */
export interface EvictionWitness {
  granted(pod: Pod): void;
}

const DEBUG = "debug";
/** A node with room for everything, while the cluster rests. */
const SPARE = "spare";
const SPARE_CPU = 500;

export class Users {
  readonly #world: World;
  readonly #kubelets: Kubelets;
  readonly #random: Random;
  readonly #witness: EvictionWitness;

  constructor(world: World, kubelets: Kubelets, random: Random, witness: EvictionWitness) {
    this.#world = world;
    this.#kubelets = kubelets;
    this.#random = random;
    this.#witness = witness;
  }

  /** One random action; returns what was done, for the trace. */
  async act(): Promise<string> {
    const action = this.#random.weighted<() => Promise<string>>([
      [30, () => this.#create()],
      [30, () => this.#edit()],
      [6, () => this.#delete()],
      [12, () => this.#evict()],
      [8, () => this.#deletePod()],
      [10, () => this.#disturbPod()],
      [2, () => this.#orphanPod()],
      [4, () => this.#cordon()],
      [6, () => this.#loseOrRevive()],
      [1, () => this.#deleteNamespace()],
    ]);
    try {
      return await action();
    } catch (err) {
      // Whatever a user may be told: not found, conflict, exists, forbidden in a namespace that ends, too many evictions.
      if (reasonOf(err) === undefined || reasonOf(err) === "InternalError") throw err;
      return `refused: ${reasonOf(err)}`;
    }
  }

  /** Everything is as the users want it, and there is room for all: what is left is the controllers' work. */
  async settleDown(): Promise<void> {
    const { client, signal } = this.#world;
    for (const { name } of this.#kubelets.machines.values()) await this.#kubelets.revive(name);
    await this.#kubelets.join(SPARE, SPARE_CPU);
    for (const { metadata } of this.#world.lister(Nodes))
      await client.patch(Nodes, metadata, merge({ spec: { unschedulable: false } }), signal);
    // Whoever looked into a pod has done so: while it stands it keeps its name from its set.
    for (const { metadata } of this.#world
      .lister(Pods)
      .filter((pod) => pod.metadata.labels?.["app"] === DEBUG))
      await ignoringNotFound(client.delete(Pods, metadata, signal));
    const wanted: Readonly<Record<string, object>> = {
      Deployment: { spec: { paused: false } },
      CronJob: { spec: { suspend: true } },
      Job: { spec: { suspend: false } },
    };
    for (const { kind } of new Map(WORKLOADS.map((one) => [one.kind.kind, one])).values()) {
      const body = wanted[kind.kind];
      if (body === undefined) continue;
      for (const { metadata } of this.#world.lister(kind))
        await ignoringNotFound(client.patch(kind, ref(metadata), merge(body), signal));
    }
  }

  /** After a quiet time the cron jobs tick again, and room is scarce. */
  async resume(): Promise<void> {
    const { client, signal } = this.#world;
    this.#kubelets.lose(SPARE);
    await client.delete(Nodes, { name: SPARE }, signal);
    for (const { kind } of WORKLOADS.filter((one) => one.kind.kind === "CronJob")) {
      for (const { metadata } of this.#world.lister(kind))
        await ignoringNotFound(
          client.patch(kind, ref(metadata), merge({ spec: { suspend: false } }), signal),
        );
    }
  }

  async createNamespaces(): Promise<void> {
    for (const name of NAMESPACES) await this.#createNamespace(name);
  }

  async createPriorityClasses(): Promise<void> {
    const { client, signal } = this.#world;
    for (const one of PRIORITY_CLASSES) await client.create(PriorityClasses, one, signal);
  }

  async #createNamespace(name: string): Promise<string> {
    const { client, signal } = this.#world;
    await client.create(Namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } }, signal);
    return `create namespace ${name}`;
  }

  async #create(): Promise<string> {
    const { client, truth, signal } = this.#world;
    const namespace = this.#random.pick(NAMESPACES);
    if (truth.lister(Namespaces).get(namespace) === undefined) return this.#createNamespace(namespace);
    const { kind, name, make } = this.#random.pick(WORKLOADS);
    if (truth.lister(kind).get(`${namespace}/${name}`) !== undefined) return "nothing";
    await client.create(kind, make(namespace, this.#random), signal);
    return `create ${kind.kind} ${namespace}/${name}`;
  }

  async #edit(): Promise<string> {
    const { client, signal } = this.#world;
    const chosen = this.#object();
    if (chosen === undefined) return "nothing";
    const { kind, object } = chosen;
    const body = change(kind.kind, this.#random);
    if (body === undefined) return "nothing";
    await client.patch(kind, ref(object.metadata), { type: "strategic", body }, signal);
    return `edit ${kind.kind} ${keyOf(object)} ${JSON.stringify(body)}`;
  }

  async #delete(): Promise<string> {
    const { client, signal } = this.#world;
    const chosen = this.#object();
    if (chosen === undefined) return "nothing";
    const { kind, object } = chosen;
    const propagationPolicy = this.#random.pick(["Background", "Foreground", "Orphan"] as const);
    await client.delete(kind, ref(object.metadata), signal, { propagationPolicy });
    return `delete ${kind.kind} ${keyOf(object)} ${propagationPolicy}`;
  }

  async #evict(): Promise<string> {
    const { client, signal } = this.#world;
    const pod = this.#pod();
    if (pod === undefined) return "nothing";
    const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: ref(pod.metadata) };
    await client.createSubresource(Pods, ref(pod.metadata), "eviction", body, signal);
    this.#witness.granted(pod);
    return `evict ${keyOf(pod)}`;
  }

  async #deletePod(): Promise<string> {
    const pod = this.#pod();
    if (pod === undefined) return "nothing";
    await this.#world.client.delete(Pods, ref(pod.metadata), this.#world.signal);
    return `delete pod ${keyOf(pod)}`;
  }

  async #disturbPod(): Promise<string> {
    const pod = this.#pod();
    if (pod === undefined || pod.status?.phase !== "Running" || isTerminal(pod)) return "nothing";
    return `disturb ${keyOf(pod)}: ${await this.#kubelets.disturb(pod)}`;
  }

  /** Somebody takes a pod out of its controller's hands to look at it. */
  async #orphanPod(): Promise<string> {
    const pod = this.#pod();
    if (pod === undefined) return "nothing";
    const body = { metadata: { labels: { app: DEBUG } } };
    await this.#world.client.patch(Pods, ref(pod.metadata), merge(body), this.#world.signal);
    return `relabel ${keyOf(pod)}`;
  }

  async #cordon(): Promise<string> {
    const node = this.#random.pick(this.#world.lister(Nodes));
    const unschedulable = node.spec?.unschedulable !== true;
    await this.#world.client.patch(
      Nodes,
      node.metadata,
      merge({ spec: { unschedulable } }),
      this.#world.signal,
    );
    return `cordon ${node.metadata.name} ${unschedulable}`;
  }

  async #loseOrRevive(): Promise<string> {
    const { name, isAlive } = this.#random.pick(
      [...this.#kubelets.machines.values()].filter((machine) => machine.name !== SPARE),
    );
    if (isAlive) {
      this.#kubelets.lose(name);
      return `lose node ${name}`;
    }
    if (this.#random.chance(0.3)) {
      await this.#world.client.delete(Nodes, { name }, this.#world.signal);
      return `delete node ${name}`;
    }
    await this.#kubelets.revive(name);
    return `revive node ${name}`;
  }

  async #deleteNamespace(): Promise<string> {
    const name = this.#random.pick(NAMESPACES);
    await this.#world.client.delete(Namespaces, { name }, this.#world.signal);
    return `delete namespace ${name}`;
  }

  #object(): { readonly kind: Kind; readonly object: KubeObject } | undefined {
    const all = WORKLOADS.flatMap(({ kind, name }) =>
      this.#world
        .lister(kind)
        .filter((object) => object.metadata.name === name)
        .map((object) => ({ kind, object })),
    );
    return all.length === 0 ? undefined : this.#random.pick(all);
  }

  #pod(): Pod | undefined {
    const pods = this.#world.lister(Pods);
    return pods.length === 0 ? undefined : this.#random.pick(pods);
  }
}

function merge(body: object): { readonly type: "merge"; readonly body: Readonly<Record<string, unknown>> } {
  return { type: "merge", body: body as Readonly<Record<string, unknown>> };
}

function ref({ namespace, name }: KubeObject["metadata"]): {
  readonly namespace?: string;
  readonly name: string;
} {
  return { ...(namespace !== undefined && { namespace }), name };
}

async function ignoringNotFound(promise: Promise<unknown>): Promise<void> {
  try {
    await promise;
  } catch (err) {
    if (!isNotFound(err)) throw err;
  }
}
