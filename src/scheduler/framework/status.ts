/** What a plugin says of a pod or of a pod on a node; upstream's `fwk.Status`. @module */

export type Code =
  /** Another pod going away could help. */
  | "Unschedulable"
  /** Nothing that preemption can do helps on this node. */
  | "UnschedulableAndUnresolvable"
  /** Not now: a Permit plugin will say. */
  | "Wait"
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
