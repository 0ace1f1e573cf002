/**
 * What a controller may have decided on: the object as it was when the reconcile began, its caches in every state since, and
 * what it was told of its own writes. A decision is wrong only if it is wrong in every one of these views.
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { DaemonSets } from "#api/apps/v1/daemonset";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import { StatefulSets } from "#api/apps/v1/statefulset";
import type { ReplicaSet } from "#api/apps/v1/types.gen";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Kind, KubeObject, ObjectKey } from "#apimachinery";
import type { Request, Response, SharedInformerFactory } from "#client";
import type { Controller } from "#controller-runtime";
import {
  daemonSetBreaks,
  deploymentBreaks,
  replicaSetBreaks,
  statefulSetBreaks,
  type View,
  type Writes,
} from "./availability.ts";

interface Rule {
  readonly kind: Kind;
  readonly breaks: (view: View, writes: Writes) => string | undefined;
  /** At each write, the last of which is judged, or once when all of them are made. */
  readonly at: "write" | "end";
}

const RULES: Readonly<Record<string, Rule>> = {
  "deployment-controller": { kind: Deployments as Kind, breaks: deploymentBreaks, at: "write" },
  "replicaset-controller": { kind: ReplicaSets as Kind, breaks: replicaSetBreaks, at: "end" },
  "daemonset-controller": { kind: DaemonSets as Kind, breaks: daemonSetBreaks, at: "write" },
  "statefulset-controller": { kind: StatefulSets as Kind, breaks: statefulSetBreaks, at: "write" },
};

interface Decision {
  readonly rule: Rule;
  readonly key: ObjectKey;
  /** All that is decided is decided on this one. */
  readonly owner: KubeObject;
  readonly views: View[];
  readonly writes: { readonly resized: Map<string, number>; readonly deleted: string[] };
}

/** Those of one process, which forgets what it wrote when it ends. */
export class Decisions {
  readonly #informers: SharedInformerFactory;
  readonly #fail: (message: string) => void;
  /** Reconciles under way. */
  readonly #open = new Set<Decision>();
  readonly #current = new AsyncLocalStorage<Decision>();
  /** Pods by uid whose deletion was confirmed to the same controller: another one of the process tells it nothing. */
  readonly #deleted = new Map<Rule, Set<string>>();
  /** Replica sets as they were last confirmed. */
  readonly #written = new Map<string, ReplicaSet>();

  constructor(informers: SharedInformerFactory, fail: (message: string) => void) {
    this.#informers = informers;
    this.#fail = fail;
  }

  /** The same controllers, observed. */
  observe(controllers: readonly Controller[]): readonly Controller[] {
    // Between two turns of the event loop a cache may pass through states that no request shows.
    const look = (): void => this.#open.forEach((decision) => this.#look(decision));
    for (const kind of [Pods, ReplicaSets, Nodes] as readonly unknown[] as readonly Kind[])
      this.#informers.informer(kind).addEventHandler({ onAdd: look, onUpdate: look, onDelete: look });
    return controllers.map((controller) => this.#observed(controller));
  }

  #observed(controller: Controller): Controller {
    const rule = RULES[controller.name];
    if (rule === undefined) return controller;
    return {
      ...controller,
      reconcile: async (key, signal) => {
        const owner = this.#informers.lister(rule.kind).get(key);
        if (owner === undefined) return controller.reconcile(key, signal);
        const writes = { resized: new Map<string, number>(), deleted: [] };
        const decision: Decision = { rule, key, owner, views: [], writes };
        this.#look(decision);
        this.#open.add(decision);
        try {
          const result = await this.#current.run(decision, () => controller.reconcile(key, signal));
          if (rule.at === "end") this.#judge(decision);
          return result;
        } finally {
          this.#open.delete(decision);
        }
      },
    };
  }

  issued({ method, path, body }: Request): void {
    const decision = this.#current.getStore();
    if (decision === undefined) return;
    const [, resource, name] = /\/(pods|replicasets)\/([^/]+)$/.exec(path) ?? [];
    if (name === undefined) return;
    if (method === "DELETE" && resource === "pods") decision.writes.deleted.push(name);
    else if (method === "PUT" && resource === "replicasets") {
      decision.writes.resized.delete(name); // the last one stands last
      decision.writes.resized.set(name, (body as ReplicaSet).spec?.replicas ?? 1);
    } else return;
    if (decision.rule.at === "write") this.#judge(decision);
  }

  answered({ method, path, body }: Request, response: Response): void {
    if (method === "DELETE" && /\/pods\/[^/]+$/.test(path)) {
      const uid = (body as { readonly preconditions?: { readonly uid?: string } } | undefined)?.preconditions
        ?.uid;
      const pod = response.body as Partial<KubeObject> | undefined;
      const rule = this.#current.getStore()?.rule;
      if (rule === undefined) return;
      const deleted = this.#deleted.getOrInsertComputed(rule, () => new Set());
      deleted.add(uid ?? pod?.metadata?.uid ?? "");
    } else if (method === "PUT" && /\/replicasets\/[^/]+$/.test(path)) {
      const set = response.body as ReplicaSet;
      this.#written.set(set.metadata.uid ?? "", set);
    }
  }

  #look({ rule, owner, views }: Decision): void {
    const { namespace } = owner.metadata;
    views.push({
      owner,
      replicaSets: this.#informers
        .lister(ReplicaSets)
        .list(namespace)
        .map((set) => this.#newest(set)),
      pods: this.#informers.lister(Pods).list(namespace).slice(),
      nodes: this.#informers.lister(Nodes).list().slice(),
      gone: new Set(this.#deleted.get(rule)),
    });
  }

  /** The size is what this process wrote; how many are available only the cache can say. */
  #newest(set: ReplicaSet): ReplicaSet {
    const written = this.#written.get(set.metadata.uid ?? "");
    const isBehind = Number(written?.metadata.resourceVersion) > Number(set.metadata.resourceVersion);
    return isBehind ? { ...set, metadata: written!.metadata, spec: written!.spec! } : set;
  }

  #judge({ rule, key, views, writes }: Decision): void {
    const verdicts = views.map((view) => rule.breaks(view, writes));
    const [first] = verdicts;
    if (first !== undefined && verdicts.every((verdict) => verdict !== undefined))
      this.#fail(`${rule.kind.kind} ${key}: ${first}`);
  }
}
