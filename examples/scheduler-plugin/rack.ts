/** A scheduler plugin: pods that ask for a rack go to its nodes, and the emptiest of them first. @module */
import { MAX_NODE_SCORE, unschedulable, type Plugin, type PluginFactory } from "#scheduler";

/** `pluginConfig` of the profile: which label names the rack. */
interface RackArgs {
  readonly label?: string;
}

const ANNOTATION = "example.com/rack";

export const rack: PluginFactory = (args): Plugin => {
  const { label = "example.com/rack" } = (args ?? {}) as RackArgs;
  return {
    name: "Rack",
    preFilter: (_state, { pod }) =>
      pod.metadata.annotations?.[ANNOTATION] === undefined ? { skip: true } : undefined,
    filter(_state, { pod }, node) {
      if (node.labels[label] === pod.metadata.annotations?.[ANNOTATION]) return undefined;
      return unschedulable("Rack", "node(s) were in another rack");
    },
    // pods of one rack get the same answer on a node that has not changed
    sign: ({ pod }) => pod.metadata.annotations?.[ANNOTATION] ?? "",
    score: (_state, _pod, node) => MAX_NODE_SCORE - Math.min(node.pods.size, MAX_NODE_SCORE),
    // without a hint, a pod that this plugin refused is tried again after five minutes only
    eventsToRegister: [{ resource: "Node", actions: ["add", "update"], changes: ["UpdateNodeLabel"] }],
    queueingHint: ({ node }, { pod }) =>
      node?.new?.metadata.labels?.[label] === pod.metadata.annotations?.[ANNOTATION],
  };
};
