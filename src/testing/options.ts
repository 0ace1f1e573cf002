/** What a test asks for and what it gets. @module */
import type { Kind, KubeObject, Logger } from "#apimachinery";
import type { Client, InformerFactory, ObjectRef, Transport } from "#client";
import type { TestNode, TestNodeOptions } from "./simulated-node.ts";
import type { WaitOptions } from "./waiting.ts";

export interface TestClusterOptions {
  /** Simulated nodes to begin with, `node-1` and so on. Default 1. */
  readonly nodes?: number;
  /** All of them, none, or those that are named as for `kube-controller-manager --controllers`. Default true. */
  readonly controllers?: boolean | readonly string[];
  /** Default true. */
  readonly scheduler?: boolean;
  /** Objects that are read are frozen deeply: who changes a shared one fails at once. Default true. */
  readonly freezeObjects?: boolean;
  /** Serve HTTPS on a free port of 127.0.0.1 too, with an authority of its own. Default false: no port, no file. */
  readonly listen?: boolean;
  /** How long the history of changes is kept at least; continue tokens and watches of before expire. Default 5 min. */
  readonly compactionIntervalMs?: number;
  /** How often `metrics.k8s.io` measures what pods use. Default 15 s; 0: nothing serves it. */
  readonly metricsResolutionMs?: number;
  /** Of all components. Default: silent. */
  readonly logger?: Logger;
}

/** Lives until `close`; several may live at once, also beside real clusters. */
export interface TestCluster extends AsyncDisposable {
  /** A member of system:masters, by function calls. Objects are shared: treat them as frozen. */
  readonly client: Client;
  /** For a client of one's own. */
  readonly transport: Transport;
  /** Shared with the controllers. Ask for what you need, then `informers.start(cluster.signal)`. */
  readonly informers: InformerFactory;
  /** Aborts when the cluster closes, or when one of its components fails. */
  readonly signal: AbortSignal;
  /** Text of a kubeconfig with the administrator's certificate, when `listen` was asked for. */
  readonly kubeconfig?: string;
  /** Resolves when the node is Ready. */
  addNode(options?: TestNodeOptions): Promise<TestNode>;
  /**
   * Resolves with the object once `fits` holds; `fits` sees undefined while the object does not exist. Looks at every
   * change and nowhere else. Rejects, with the object's last state in the message, when the time is over.
   */
  waitFor<T extends KubeObject, F extends T | undefined = T>(
    kind: Kind<T>,
    ref: ObjectRef,
    fits: (object: T | undefined) => boolean,
    options?: WaitOptions,
  ): Promise<F>;
  /** Resolves with what `read` gives once it is neither undefined nor false; asks after every change of the kinds. */
  until<R, K extends readonly KubeObject[]>(
    what: string,
    kinds: { readonly [I in keyof K]: Kind<K[I]> },
    read: () => R | undefined | false,
    options?: WaitOptions,
  ): Promise<R>;
  /** Ends nodes, controllers, scheduler and server. Throws what a component failed with. Idempotent. */
  close(): Promise<void>;
}
