/** Marks the node that runs this server. Its kubelet may not: who could name itself so would draw the control plane's pods to itself. @module */
import { isNotFound, type Kind } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import type { ControllerContext, Controller } from "#controller-runtime";

const LABEL = "node-role.kubernetes.io/control-plane";

export function controlPlaneNodeController(
  { client, informers }: ControllerContext,
  nodeName: string,
): Controller {
  const nodes = informers.lister(Nodes);
  return {
    name: "control-plane-node-controller",
    reconciles: Nodes as Kind,
    async reconcile(key, signal) {
      const node = nodes.get(key);
      if (node?.metadata.name !== nodeName || node.metadata.labels?.[LABEL] !== undefined) return {};
      const body = { metadata: { labels: { [LABEL]: "" } } };
      await client.patch(Nodes, node.metadata, { type: "merge", body }, signal).catch((err: unknown) => {
        if (!isNotFound(err)) throw err;
      });
      return {};
    },
  };
}
