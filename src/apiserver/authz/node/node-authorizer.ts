/** A node sees what the pods that run on it need, and nothing else of its kind; upstream's node authorizer. @module */
import type { PolicyRule } from "#api/rbac/v1/types.gen";
import type { AuthorizationAttributes, Authorizer, Decision, UserInfo } from "../../user-info.ts";
import { ruleAllows } from "../rbac/rules.ts";
import type { GraphKind, NodeGraph } from "./node-graph.ts";

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

/** What depends on the node that asks, by `group/resource`; each rule knows its subresources. */
const RULES: Readonly<Record<string, Rule>> = {
  "/secrets": readOfPods("secrets"),
  "/configmaps": readOfPods("configmaps"),
  "/persistentvolumeclaims": (node, attributes, graph) =>
    attributes.subresource === "status"
      ? claimStatus(node, attributes, graph)
      : getOne("persistentvolumeclaims")(node, attributes, graph),
  "/persistentvolumes": getOne("persistentvolumes"),
  "/serviceaccounts": serviceAccount,
  "/nodes": ownNode,
  "/pods": pod,
  "certificates.k8s.io/podcertificaterequests": podCertificateRequest,
  "resource.k8s.io/resourceclaims": getOne("resourceclaims"),
  "resource.k8s.io/resourceslices": resourceSlice,
  "storage.k8s.io/volumeattachments": getOne("volumeattachments"),
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

function keyOf({ group, resource }: AuthorizationAttributes): string {
  return `${group}/${resource}`;
}

/** Rules about what is governed above say nothing more. */
function withoutGoverned(rule: PolicyRule): readonly PolicyRule[] {
  const [group = ""] = rule.apiGroups ?? [];
  const resources = (rule.resources ?? []).filter(
    (resource) => RULES[`${group}/${resource.split("/")[0]}`] === undefined,
  );
  return resources.length === 0 ? [] : [{ ...rule, resources }];
}

/** Objects that pods of the node name. Lists and watches are for one name, too. */
function readOfPods(kind: GraphKind): Rule {
  return (node, attributes, graph) => {
    if (!READ.includes(attributes.verb)) return refuse("can only read resources of this type");
    if (attributes.subresource !== "") return refuse("cannot read subresource");
    if (attributes.namespace === "") return refuse("can only read namespaced object of this type");
    return related(node, kind, attributes, graph);
  };
}

function getOne(kind: GraphKind): Rule {
  return (node, attributes, graph) => {
    if (attributes.verb !== "get") return refuse("can only get individual resources of this type");
    if (attributes.subresource !== "") return refuse("cannot get subresource");
    return related(node, kind, attributes, graph);
  };
}

function claimStatus(node: string, attributes: AuthorizationAttributes, graph: NodeGraph): Decision {
  if (attributes.verb !== "update" && attributes.verb !== "patch")
    return refuse("can only get/update/patch this type");
  return related(node, "persistentvolumeclaims", attributes, graph);
}

function related(
  node: string,
  kind: GraphKind,
  { namespace, name }: AuthorizationAttributes,
  graph: NodeGraph,
): Decision {
  if (name === "") return refuse("No Object name found");
  if (graph.hasPath(node, kind, namespace, name)) return ALLOWED;
  return refuse(`no relationship found between node '${node}' and this object`);
}

function serviceAccount(node: string, attributes: AuthorizationAttributes, graph: NodeGraph): Decision {
  const { verb, subresource, name } = attributes;
  if (verb === "get" && subresource === "") return readOfPods("serviceaccounts")(node, attributes, graph);
  if (verb !== "create" || name === "")
    return refuse("can only create tokens for individual service accounts");
  if (subresource !== "token") return refuse("can only create token subresource of serviceaccount");
  return related(node, "serviceaccounts", attributes, graph);
}

/** Which objects may be written is for the admission plugin NodeRestriction, here and below. */
function ownNode(node: string, { verb, subresource, name }: AuthorizationAttributes): Decision {
  if (subresource === "status") return verb === "update" || verb === "patch" ? ALLOWED : NO_OPINION;
  if (subresource !== "") return NO_OPINION;
  if (verb === "create" || verb === "update" || verb === "patch") return ALLOWED;
  if (!READ.includes(verb)) return NO_OPINION;
  if (name === node) return ALLOWED;
  if (name === "") return refuse(`node '${node}' cannot read all nodes, only its own Node object`);
  return refuse(`node '${node}' cannot read '${name}', only its own Node object`);
}

function pod(node: string, attributes: AuthorizationAttributes, graph: NodeGraph): Decision {
  const { verb, subresource, name } = attributes;
  if (subresource === "status") return verb === "update" || verb === "patch" ? ALLOWED : NO_OPINION;
  if (subresource === "eviction") return verb === "create" ? ALLOWED : NO_OPINION;
  if (subresource !== "") return NO_OPINION;
  if (verb === "create" || verb === "delete") return ALLOWED;
  if (verb === "get") return getOne("pods")(node, attributes, graph);
  if (verb !== "list" && verb !== "watch") return NO_OPINION;
  if (selects(attributes, "spec.nodeName", node)) return ALLOWED;
  if (name !== "") return related(node, "pods", attributes, graph);
  return refuse("can only list/watch pods with spec.nodeName field selector");
}

function resourceSlice(node: string, attributes: AuthorizationAttributes, graph: NodeGraph): Decision {
  const { verb, subresource } = attributes;
  if (subresource !== "") return refuse("cannot authorize ResourceSlice subresources");
  switch (verb) {
    case "create":
      return ALLOWED;
    case "get":
    case "update":
    case "patch":
    case "delete":
      return related(node, "resourceslices", attributes, graph);
    case "watch":
    case "list":
    case "deletecollection":
      if (selects(attributes, "spec.nodeName", node)) return ALLOWED;
      return refuse("can only list/watch/deletecollection resourceslices with nodeName field selector");
    default:
      return refuse(
        "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection",
      );
  }
}

function podCertificateRequest(
  node: string,
  attributes: AuthorizationAttributes,
  graph: NodeGraph,
): Decision {
  const { verb, subresource } = attributes;
  if (subresource !== "")
    return refuse("nodes may not access the status subresource of PodCertificateRequests");
  switch (verb) {
    case "create":
      return ALLOWED;
    case "get":
      return related(node, "podcertificaterequests", attributes, graph);
    case "list":
    case "watch":
      if (selects(attributes, "spec.nodeName", node)) return ALLOWED;
      return refuse("can only list/watch podcertificaterequests with nodeName field selector");
    default:
      return refuse(`nodes may not ${verb} podcertificaterequests`);
  }
}

function selects({ fieldSelector = [] }: AuthorizationAttributes, name: string, value: string): boolean {
  return fieldSelector.some((r) => r.field === name && r.operator === "=" && r.value === value);
}

function lease(node: string, { verb, namespace, name }: AuthorizationAttributes): Decision {
  if (!OWN.includes(verb)) return refuse("can only get, create, update, patch, or delete a node lease");
  if (namespace !== LEASE_NAMESPACE) {
    return refuse(`can only access leases in the ${JSON.stringify(LEASE_NAMESPACE)} system namespace`);
  }
  if (verb === "create" || name === node) return ALLOWED;
  return refuse("can only access node lease with the same name as the requesting node");
}

function csiNode(node: string, { verb, name, subresource }: AuthorizationAttributes): Decision {
  if (!OWN.includes(verb)) return refuse("can only get, create, update, patch, or delete a CSINode");
  if (subresource !== "") return refuse("cannot authorize CSINode subresources");
  if (verb === "create" || name === node) return ALLOWED;
  return refuse("can only access CSINode with the same name as the requesting node");
}

function refuse(reason: string): Decision {
  return { allowed: false, reason };
}
