/** What an admission plugin is: a named pair of functions that change or refuse a write; upstream's `admission.Interface`. @module */
import type { GroupVersionKind, JsonObject, Kind, KubeObject } from "#apimachinery";
import type { AdmissionMetrics } from "./metrics.ts";
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
  /** CreateOptions, UpdateOptions or DeleteOptions, as the client gave them; absent on CONNECT. */
  readonly options?: JsonObject | undefined;
  /** A write of the server itself. */
  readonly isOwn?: boolean;
  readonly signal: AbortSignal;
  readonly warn: (message: string) => void;
  /** Notes something in the audit event of the request: `policy.example.com/name`; upstream's `AddAnnotation`. */
  addAuditAnnotation(key: string, value: string, level?: "Metadata" | "Request"): void;
  /** Adds time that was spent waiting for webhooks: the server is not slow because they are. */
  waited?(ms: number): void;
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
  readonly #metrics: AdmissionMetrics | undefined;

  /** In order: each mutating plugin sees what the ones before it made. */
  constructor(plugins: readonly AdmissionPlugin[], metrics?: AdmissionMetrics) {
    this.#plugins = plugins;
    this.#metrics = metrics;
  }

  async admit(object: KubeObject, attributes: Attributes): Promise<KubeObject> {
    const startedMs = this.#metrics?.now() ?? 0;
    try {
      const admitted = await this.#admit(object, attributes);
      this.#metrics?.step("admit", attributes.operation, false, this.#metrics.now() - startedMs);
      return admitted;
    } catch (err) {
      this.#metrics?.step("admit", attributes.operation, true, this.#metrics.now() - startedMs);
      throw err;
    }
  }

  async #admit(object: KubeObject, attributes: Attributes): Promise<KubeObject> {
    const first = { isReinvoke: false, shouldReinvoke: false, state: new Map<string, unknown>() };
    const admitted = await this.#round(object, attributes, first);
    if (!first.shouldReinvoke) return admitted;
    return this.#round(admitted, attributes, { ...first, isReinvoke: true });
  }

  async #round(object: KubeObject, attributes: Attributes, round: Reinvocation): Promise<KubeObject> {
    const metrics = this.#metrics;
    const { operation } = attributes;
    let current = object;
    let sinceMs = metrics?.now() ?? 0;
    for (const plugin of this.#plugins) {
      if (plugin.admit === undefined || !handles(plugin, attributes)) continue;
      try {
        const admitted = plugin.admit(current, attributes, round);
        // Most plugins answer from memory: no turn of the event loop for those.
        current = admitted instanceof Promise ? await admitted : admitted;
      } catch (err) {
        metrics?.plugin(plugin.name, "admit", operation, true, metrics.now() - sinceMs);
        throw err;
      }
      if (metrics === undefined) continue;
      // one look at the clock: the end of this one is the beginning of the next
      const nowMs = metrics.now();
      metrics.plugin(plugin.name, "admit", operation, false, nowMs - sinceMs);
      sinceMs = nowMs;
    }
    return current;
  }

  async validate(attributes: Attributes): Promise<void> {
    const metrics = this.#metrics;
    const { operation } = attributes;
    const startedMs = metrics?.now() ?? 0;
    let sinceMs = startedMs;
    for (const plugin of this.#plugins) {
      if (plugin.validate === undefined || !handles(plugin, attributes)) continue;
      try {
        const done = plugin.validate(attributes);
        if (done instanceof Promise) await done;
      } catch (err) {
        const nowMs = metrics?.now() ?? 0;
        metrics?.plugin(plugin.name, "validate", operation, true, nowMs - sinceMs);
        metrics?.step("validate", operation, true, nowMs - startedMs);
        throw err;
      }
      if (metrics === undefined) continue;
      const nowMs = metrics.now();
      metrics.plugin(plugin.name, "validate", operation, false, nowMs - sinceMs);
      sinceMs = nowMs;
    }
    metrics?.step("validate", operation, false, sinceMs - startedMs);
  }
}

function handles(plugin: AdmissionPlugin, { operation, resource }: Attributes): boolean {
  return (
    plugin.operations.includes(operation) &&
    (plugin.resources === undefined || plugin.resources.includes(resource))
  );
}
