/** What extenders are sent and answer, as upstream's `extender/v1` spells it. @module */
import type { Node, Pod } from "#api/core/v1/types.gen";

export interface NodeList {
  readonly items?: readonly Node[] | null;
}

export interface ExtenderArgs {
  readonly Pod: Pod;
  /** Of extenders that know no nodes themselves. */
  readonly Nodes: NodeList | null;
  readonly NodeNames: readonly string[] | null;
}

/** Name of the node -> why not. */
export type FailedNodes = Readonly<Record<string, string>>;

export interface ExtenderFilterResult {
  readonly Nodes?: NodeList | null;
  readonly NodeNames?: readonly string[] | null;
  readonly FailedNodes?: FailedNodes | null;
  readonly FailedAndUnresolvableNodes?: FailedNodes | null;
  readonly Error?: string;
}

export interface HostPriority {
  readonly Host: string;
  readonly Score: number;
}

export interface Victims {
  readonly Pods: readonly Pod[] | null;
  readonly NumPDBViolations: number;
}

export interface MetaVictims {
  readonly Pods: readonly { readonly UID: string }[] | null;
  readonly NumPDBViolations?: number;
}

export interface ExtenderPreemptionArgs {
  readonly Pod: Pod;
  readonly NodeNameToVictims: Readonly<Record<string, Victims>> | null;
  readonly NodeNameToMetaVictims: Readonly<Record<string, MetaVictims>> | null;
}

export interface ExtenderPreemptionResult {
  readonly NodeNameToMetaVictims?: Readonly<Record<string, MetaVictims | null>> | null;
}

export interface ExtenderBindingArgs {
  readonly PodName: string;
  readonly PodNamespace: string;
  readonly PodUID: string;
  readonly Node: string;
}

export interface ExtenderBindingResult {
  readonly Error?: string;
}
