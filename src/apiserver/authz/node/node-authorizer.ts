/** A node sees what the pods that run on it need, and nothing else of its kind; upstream's node authorizer. @module */
import type { PolicyRule } from "#api/rbac/v1/types.gen";
import type { AuthorizationAttributes, Authorizer, Decision, UserInfo } from "../../user-info.ts";
import { ruleAllows } from "../rbac/rules.ts";
import type { NodeGraph } from "./node-graph.ts";

const NODE_PREFIX = "system:node:";
const NODES_GROUP = "system:nodes";
const LEASE_NAMESPACE = "kube-node-lease";
const READ: readonly string[] = ["get", "list", "watch"];
const OWN: readonly string[] = ["get", "create", "update", "patch", "delete"];
const NO_OPINION: Decision = { allowed: false };
const ALLOWED: Decision = { allowed: true };

/** Undefined: the user is no node; "": it is one, and does not say which. */
export function nodeNameOf({ name, groups }: UserInfo): string | undefined {
  if (!name.startsWith(NODE_PREFIX) || !groups.includes(NODES_GROUP)) return undefined;
  return name.slice(NODE_PREFIX.length);
}

type Rule = (node: string, attributes: AuthorizationAttributes, graph: NodeGraph) => Decision;

/** What depends on the node that asks, by `group/resource` and subresource. */
const RULES: Readonly<Record<string, Rule>> = {
  "/secrets": ofPods("secrets", READ),
  "/configmaps": ofPods("configmaps", READ),
  "/persistentvolumeclaims": ofPods("persistentvolumeclaims", ["get"]),
  "/persistentvolumeclaims/status": ofPods("persistentvolumeclaims", ["get", "update", "patch"]),
  // "/persistentvolumes" is not among them, unlike upstream: a kubelet must learn that a volume is gone before it removes
  // the local folder of it, and a PersistentVolume says where data is, not what it is.
  "/serviceaccounts": ofPods("serviceaccounts", ["get"]),
  "/serviceaccounts/token": ofPods("serviceaccounts", ["create"]),
  "resource.k8s.io/resourceclaims": ofPods("resourceclaims", ["get"]),
  "storage.k8s.io/volumeattachments": ofPods("volumeattachments", ["get"]),
  "coordination.k8s.io/leases": lease,
  "storage.k8s.io/csinodes": csiNode,
};

/** `nodeRules`: what every node may do; those about the resources above say which verbs there are, not for which objects. */
export function nodeAuthorizer(graph: NodeGraph, nodeRules: readonly PolicyRule[]): Authorizer {
  const general = nodeRules.flatMap(withoutGoverned);
  return {
    authorize(attributes) {
      const node = nodeNameOf(attributes.user);
      if (node === undefined) return NO_OPINION;
      if (node === "") return refuse(`unknown node for user ${JSON.stringify(attributes.user.name)}`);
      const rule = attributes.isResourceRequest ? RULES[keyOf(attributes)] : undefined;
      if (rule !== undefined) return rule(node, attributes, graph);
      return general.some((allowed) => ruleAllows(allowed, attributes)) ? ALLOWED : NO_OPINION;
    },
  };
}

function keyOf({ group, resource, subresource }: AuthorizationAttributes): string {
  return subresource === "" ? `${group}/${resource}` : `${group}/${resource}/${subresource}`;
}

function withoutGoverned(rule: PolicyRule): readonly PolicyRule[] {
  const [group = ""] = rule.apiGroups ?? [];
  const resources = (rule.resources ?? []).filter((resource) => RULES[`${group}/${resource}`] === undefined);
  return resources.length === 0 ? [] : [{ ...rule, resources }];
}

/** Objects that pods of the node name. Lists and watches are for one name, too. */
function ofPods(kind: Parameters<NodeGraph["hasPath"]>[1], verbs: readonly string[]): Rule {
  return (node, { verb, resource, namespace, name }, graph) => {
    const where = `${resource} by node ${JSON.stringify(node)}`;
    if (!verbs.includes(verb)) return refuse(`can only ${verbs.join("/")} ${where}`);
    if (name === "") return refuse("No Object name found");
    if (graph.hasPath(node, kind, namespace, name)) return ALLOWED;
    return refuse(`no relationship found between node '${node}' and this object`);
  };
}

function lease(node: string, { verb, namespace, name }: AuthorizationAttributes): Decision {
  if (!OWN.includes(verb)) return refuse("can only get, create, update, patch, or delete a node lease");
  if (namespace !== LEASE_NAMESPACE) {
    return refuse(`can only access leases in the ${JSON.stringify(LEASE_NAMESPACE)} system namespace`);
  }
  if (verb === "create" || name === node) return ALLOWED;
  return refuse("can only access node lease with the same name as the requesting node");
}

function csiNode(node: string, { verb, name }: AuthorizationAttributes): Decision {
  if (!OWN.includes(verb)) return refuse("can only get, create, update, patch, or delete a CSINode");
  if (verb === "create" || name === node) return ALLOWED;
  return refuse("can only access CSINode with the same name as the requesting node");
}

function refuse(reason: string): Decision {
  return { allowed: false, reason };
}
