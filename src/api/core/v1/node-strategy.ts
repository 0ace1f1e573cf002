/** What the API server drops from Nodes, and what it warns about. @module */
import type { Strategy } from "#apimachinery";
import { warningsForCidr } from "../../validation/address-warnings.ts";
import type { Node, NodeSpec, NodeStatus } from "./types.gen.ts";

/** Configuration sources are gone, but for nodes that have one already. */
export const nodeStrategy: Strategy<Node> = {
  prepareForCreate: (node) => withoutConfig(withoutConfigSource(node)),
  prepareForUpdate: (node, old) => (old.spec?.configSource === undefined ? withoutConfigSource(node) : node),
  prepareForStatusUpdate: (node, old) => (old.status?.config === undefined ? withoutConfig(node) : node),
  warnings: ({ spec }, _old, subresource) => (subresource === "status" ? [] : warningsForSpec(spec)),
};

function withoutConfigSource(node: Node): Node {
  if (node.spec?.configSource === undefined) return node;
  const { configSource: _configSource, ...spec }: NodeSpec = node.spec;
  return { ...node, spec };
}

function withoutConfig(node: Node): Node {
  if (node.status?.config === undefined) return node;
  const { config: _config, ...status }: NodeStatus = node.status;
  return { ...node, status };
}

function warningsForSpec(spec: NodeSpec = {}): readonly string[] {
  return [
    ...(spec.configSource === undefined ? [] : ["spec.configSource: the feature is removed"]),
    ...(spec.externalID ? ["spec.externalID: this field is deprecated, and is unused by Kubernetes"] : []),
    ...(spec.podCIDRs ?? []).flatMap((cidr, i) => warningsForCidr(cidr, `spec.podCIDRs[${i}]`)),
  ];
}
