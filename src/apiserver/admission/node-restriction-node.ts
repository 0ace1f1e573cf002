/** What a kubelet may change of its own node: nothing by which it could draw other pods to itself. Pure. @module */
import { compareStrings } from "#apimachinery";
import type { Node } from "#api/core/v1/types.gen";
import { semanticEqual } from "#api/validation/semantic-equal";
import type { Attributes } from "./plugin.ts";

type Labels = Readonly<Record<string, string>>;

/** Those of the system that kubelets know better than anybody. */
const KUBELET_LABELS: ReadonlySet<string> = new Set([
  "kubernetes.io/hostname",
  "kubernetes.io/arch",
  "kubernetes.io/os",
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/instance-type",
  "node.kubernetes.io/instance-type",
  "failure-domain.beta.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "topology.kubernetes.io/zone",
]);
const KUBELET_NAMESPACES = ["kubelet.kubernetes.io", "node.kubernetes.io"];
const RESTRICTED_NAMESPACE = "node-restriction.kubernetes.io";

/** Why the node `name` may not do this to a Node; undefined: it may. */
export function nodeChangeRefusal(name: string, attributes: Attributes): string | undefined {
  const { operation, object, oldObject } = attributes;
  const quoted = JSON.stringify(name);
  const requested = attributes.name === "" ? (object?.metadata.name ?? "") : attributes.name;
  if (requested !== name) {
    return `node ${quoted} is not allowed to modify node ${JSON.stringify(requested)}`;
  }
  if (operation === "CREATE") return creationRefusal(quoted, object as Node);
  return operation === "UPDATE" ? updateRefusal(quoted, object as Node, oldObject as Node) : undefined;
}

function creationRefusal(quoted: string, { metadata, spec }: Node): string | undefined {
  if (spec?.configSource !== undefined) {
    return `node ${quoted} is not allowed to create pods with a non-nil configSource`;
  }
  const forbidden = forbiddenLabels(metadata.labels, {});
  if (forbidden.length === 0) return undefined;
  return `node ${quoted} is not allowed to set the following labels: ${forbidden.join(", ")}`;
}

function updateRefusal(quoted: string, node: Node, old: Node): string | undefined {
  const { configSource, taints = [] } = node.spec ?? {};
  if (configSource !== undefined && !semanticEqual(configSource, old.spec?.configSource)) {
    return `node ${quoted} is not allowed to update configSource to a new non-nil configSource`;
  }
  if (!semanticEqual(taints, old.spec?.taints ?? [])) return `node ${quoted} is not allowed to modify taints`;
  if (!semanticEqual(node.metadata.ownerReferences ?? [], old.metadata.ownerReferences ?? [])) {
    return `node ${quoted} is not allowed to modify ownerReferences`;
  }
  const forbidden = forbiddenLabels(node.metadata.labels, old.metadata.labels);
  return forbidden.length === 0 ? undefined : `is not allowed to modify labels: ${forbidden.join(", ")}`;
}

function forbiddenLabels(labels: Labels = {}, old: Labels = {}): readonly string[] {
  const changed = Object.keys({ ...labels, ...old }).filter((key) => labels[key] !== old[key]);
  return changed.filter(isForbidden).toSorted(compareStrings);
}

function isForbidden(key: string): boolean {
  const namespace = key.includes("/") ? key.slice(0, key.indexOf("/")) : "";
  if (isWithin(namespace, RESTRICTED_NAMESPACE)) return true;
  const isOfSystem = isWithin(namespace, "kubernetes.io") || isWithin(namespace, "k8s.io");
  return isOfSystem && !isKubeletLabel(key, namespace);
}

function isKubeletLabel(key: string, namespace: string): boolean {
  return KUBELET_LABELS.has(key) || KUBELET_NAMESPACES.some((own) => isWithin(namespace, own));
}

function isWithin(namespace: string, domain: string): boolean {
  return namespace === domain || namespace.endsWith(`.${domain}`);
}
