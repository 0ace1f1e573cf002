/** What a plugin says of a pod or of a pod on a node; upstream's `fwk.Status`. @module */

export type Code =
  /** Another pod going away could help. */
  | "Unschedulable"
  /** Nothing that preemption can do helps on this node. */
  | "UnschedulableAndUnresolvable"
  /** Not the pod's fault: it is tried again after a back-off. */
  | "Error";

/** Success is `undefined`: the common case allocates nothing. */
export interface Status {
  readonly code: Code;
  readonly reasons: readonly string[];
  /** The plugin that said it; set by the framework. */
  readonly plugin: string;
}

export function unschedulable(plugin: string, ...reasons: readonly string[]): Status {
  return { code: "Unschedulable", reasons, plugin };
}

export function unresolvable(plugin: string, ...reasons: readonly string[]): Status {
  return { code: "UnschedulableAndUnresolvable", reasons, plugin };
}

/** A status of code Error, thrown: it ends the cycle. */
export class PluginError extends Error {
  override readonly name = "PluginError";
  readonly point: string;

  constructor(point: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.point = point;
  }
}
