/** Whether a PersistentVolume may be mounted on this node. Pure; upstream's CheckNodeAffinity. @module */
import { matchesNodeSelector, selectableNode } from "#api/core/v1/node-selector";
import type { Node, PersistentVolume } from "#api/core/v1/types.gen";

/** Undefined: it may. Otherwise upstream's words for why not. */
export function nodeAffinityProblem({ spec }: PersistentVolume, node: Node): string | undefined {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms;
  if (terms === undefined || matchesNodeSelector(terms, selectableNode(node))) return undefined;
  return "no matching NodeSelectorTerms";
}
