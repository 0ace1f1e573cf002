/** What an admission plugin is: a named pair of functions that change or refuse a write; upstream's `admission.Interface`. @module */
import type { GroupVersionKind, Kind, KubeObject } from "#apimachinery";
import type { UserInfo } from "../user-info.ts";

export type Operation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

export interface Attributes {
  readonly operation: Operation;
  /** As it is stored: what `object` is. */
  readonly kind: Kind;
  /** In the version of the request. */
  readonly requestKind: Kind;
  /** What `object` is when it is no object of the resource: an Eviction, PodExecOptions. */
  readonly objectKind?: GroupVersionKind;
  /** `core/pods`. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  /** "" while a generated name is not chosen yet, and for deletecollection. */
  readonly name: string;
  /** As sent, to mutating plugins; in its final form, to validating ones. Absent on DELETE and CONNECT. */
  readonly object?: KubeObject;
  readonly oldObject?: KubeObject;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** A write of the server itself. */
  readonly isOwn?: boolean;
  readonly signal: AbortSignal;
  readonly warn: (message: string) => void;
}

/** The second round through the mutating plugins, for which a plugin may ask after it changed the object; upstream's `ReinvocationContext`. */
export interface Reinvocation {
  readonly isReinvoke: boolean;
  /** Set by who wants the others to be asked again. */
  shouldReinvoke: boolean;
  /** What plugins keep from the first round to the second, by their name. */
  readonly state: Map<string, unknown>;
}

export interface AdmissionPlugin {
  readonly name: string;
  readonly operations: readonly Operation[];
  /** Resources it cares about; absent: all. */
  readonly resources?: readonly string[];
  /** Gives the object to go on with, which may be the same; never changes it in place. Throws a StatusError to refuse. */
  readonly admit?: (
    object: KubeObject,
    attributes: Attributes,
    reinvocation: Reinvocation,
  ) => KubeObject | Promise<KubeObject>;
  /** Sees the final object. Throws a StatusError to refuse. */
  readonly validate?: (attributes: Attributes) => void | Promise<void>;
}

export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];

  /** In order: each mutating plugin sees what the ones before it made. */
  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  async admit(object: KubeObject, attributes: Attributes): Promise<KubeObject> {
    const first = { isReinvoke: false, shouldReinvoke: false, state: new Map<string, unknown>() };
    const admitted = await this.#round(object, attributes, first);
    if (!first.shouldReinvoke) return admitted;
    return this.#round(admitted, attributes, { ...first, isReinvoke: true });
  }

  async #round(object: KubeObject, attributes: Attributes, round: Reinvocation): Promise<KubeObject> {
    let current = object;
    for (const plugin of this.#plugins) {
      if (plugin.admit === undefined || !handles(plugin, attributes)) continue;
      const admitted = plugin.admit(current, attributes, round);
      // Most plugins answer from memory: no turn of the event loop for those.
      current = admitted instanceof Promise ? await admitted : admitted;
    }
    return current;
  }

  async validate(attributes: Attributes): Promise<void> {
    for (const plugin of this.#plugins) {
      if (plugin.validate === undefined || !handles(plugin, attributes)) continue;
      const done = plugin.validate(attributes);
      if (done instanceof Promise) await done;
    }
  }
}

function handles(plugin: AdmissionPlugin, { operation, resource }: Attributes): boolean {
  return (
    plugin.operations.includes(operation) &&
    (plugin.resources === undefined || plugin.resources.includes(resource))
  );
}
