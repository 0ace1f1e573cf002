/** A kubelet writes its own node and what belongs to the pods that run there, and nothing else. @module */
import { notFound, type KubeObject } from "#apimachinery";
import type { TokenRequest } from "#api/authentication/v1/types.gen";
import type { CertificateSigningRequest } from "#api/certificates/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { semanticEqual } from "#api/validation/semantic-equal";
import { nodeNameOf } from "../authz/index.ts";
import { podAsksForAudience } from "./node-restriction-audiences.ts";
import { podCertificateRefusal } from "./node-restriction-certificates.ts";
import { nodeChangeRefusal } from "./node-restriction-node.ts";
import { mirrorPodRefusal } from "./node-restriction-mirror-pod.ts";
import { subjectOfRequest } from "./certificate-request.ts";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin, Attributes } from "./plugin.ts";
import { refuse } from "./refuse.ts";
import type { Authorizer } from "../user-info.ts";

const NODE_PREFIX = "system:node:";
const LEASE_NAMESPACE = "kube-node-lease";
const KUBELET_SIGNERS: ReadonlySet<string> = new Set([
  "kubernetes.io/kubelet-serving",
  "kubernetes.io/kube-apiserver-client-kubelet",
]);

interface Node {
  readonly name: string;
  readonly attributes: Attributes;
  readonly lookup: ObjectLookup;
  readonly authorizer: Authorizer;
}

/** Why a write of one resource is refused; undefined: it is not. */
type Rule = (node: Node) => string | undefined | Promise<string | undefined>;

const RULES: Readonly<Record<string, Rule>> = {
  "core/pods": podRefusal,
  "core/nodes": ({ name, attributes }) => nodeChangeRefusal(name, attributes),
  "core/persistentvolumeclaims": claimRefusal,
  "core/serviceaccounts": tokenRefusal,
  "coordination.k8s.io/leases": leaseRefusal,
  "storage.k8s.io/csinodes": csiNodeRefusal,
  "resource.k8s.io/resourceslices": sliceRefusal,
  "certificates.k8s.io/certificatesigningrequests": signingRequestRefusal,
  "certificates.k8s.io/podcertificaterequests": ({ name, attributes, lookup }) =>
    podCertificateRefusal(name, attributes, lookup),
};

/** `authorizer` is asked whether a node may have tokens for audiences that no pod of it names. */
export function nodeRestriction(lookup: ObjectLookup, authorizer: Authorizer): AdmissionPlugin {
  const check = async (name: string, attributes: Attributes): Promise<void> => {
    if (name === "") {
      const user = JSON.stringify(attributes.user.name);
      throw refuse(attributes, `could not determine node from user ${user}`);
    }
    const why = await RULES[attributes.resource]?.({ name, attributes, lookup, authorizer });
    if (why !== undefined) throw refuse(attributes, why);
  };
  return {
    name: "NodeRestriction",
    operations: ["CREATE", "UPDATE", "DELETE"],
    admit(object, attributes) {
      const name = nodeNameOf(attributes.user);
      return name === undefined ? object : check(name, attributes).then(() => object);
    },
    async validate(attributes) {
      const name = nodeNameOf(attributes.user);
      if (name !== undefined && attributes.operation === "DELETE") await check(name, attributes);
    },
  };
}

function podRefusal(node: Node): string | undefined {
  const { name, attributes, lookup } = node;
  const { subresource, operation, object, oldObject } = attributes;
  const quoted = JSON.stringify(name);
  if (subresource === "status") {
    if (operation !== "UPDATE") return `unexpected operation "${operation}"`;
    return podStatusRefusal(quoted, name, object as Pod, oldObject as Pod);
  }
  if (subresource === "eviction") {
    if (operation !== "CREATE") return `unexpected operation ${operation}`;
    if (podOf(node).spec?.nodeName === name) return undefined;
    return `node ${name} can only evict pods with spec.nodeName set to itself`;
  }
  if (subresource !== "") {
    return `unexpected pod subresource ${JSON.stringify(subresource)}, only 'status' and 'eviction' are allowed`;
  }
  if (operation === "CREATE") {
    const uid = (): string => {
      const found = lookup.get("core/nodes", "", name)?.metadata.uid;
      if (found === undefined) throw notFound({ group: "", resource: "nodes" }, name);
      return found;
    };
    return mirrorPodRefusal(name, uid, object as Pod);
  }
  if (operation === "DELETE") {
    if ((oldObject as Pod).spec?.nodeName === name) return undefined;
    return `node ${quoted} can only delete pods with spec.nodeName set to itself`;
  }
  return `unexpected operation "${operation}", node ${quoted} can only create and delete mirror pods`;
}

function podStatusRefusal(quoted: string, name: string, pod: Pod, old: Pod): string | undefined {
  if (old.spec?.nodeName !== name) {
    return `node ${quoted} can only update pod status for pods with spec.nodeName set to itself`;
  }
  if (!semanticEqual(pod.metadata.labels ?? {}, old.metadata.labels ?? {})) {
    return `node ${quoted} cannot update labels through pod status`;
  }
  const { resourceClaimStatuses: claims = [], extendedResourceClaimStatus: extended } = pod.status ?? {};
  if (!semanticEqual(claims, old.status?.resourceClaimStatuses ?? [])) {
    return `node ${quoted} cannot update resource claim statues`;
  }
  if (!semanticEqual(extended ?? {}, old.status?.extendedResourceClaimStatus ?? {})) {
    return `node ${quoted} cannot update extended resource claim status`;
  }
  return undefined;
}

function claimRefusal({ name, attributes }: Node): string | undefined {
  const { subresource, operation, object, oldObject } = attributes;
  if (subresource !== "status") return "may only update PVC status";
  if (operation !== "UPDATE") return `unexpected operation "${operation}"`;
  if (semanticEqual(withoutGrowth(object!), withoutGrowth(oldObject!))) return undefined;
  return `node ${JSON.stringify(name)} is not allowed to update fields other than status.quantity and status.conditions`;
}

/** The claim without what a kubelet reports of its growing. */
function withoutGrowth(claim: KubeObject): object {
  const { resourceVersion: _version, managedFields: _fields, ...metadata } = claim.metadata;
  const { status = {} } = claim as { status?: Readonly<Record<string, unknown>> };
  const {
    capacity: _capacity,
    conditions: _conditions,
    allocatedResourceStatuses: _statuses,
    allocatedResources: _allocated,
    ...rest
  } = status;
  return { ...claim, metadata, status: rest };
}

async function tokenRefusal(node: Node): Promise<string | undefined> {
  const { name, attributes } = node;
  if (attributes.operation !== "CREATE" || attributes.subresource !== "token") return undefined;
  const { boundObjectRef: ref, audiences = [] } = (attributes.object as TokenRequest).spec ?? {};
  if (ref?.apiVersion !== "v1" || ref.kind !== "Pod" || !ref.name) {
    return "node requested token not bound to a pod";
  }
  if (!ref.uid) return "node requested token with a pod binding without a uid";
  const pod = podOf(node, ref.name);
  if (ref.uid !== pod.metadata.uid) {
    return `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
  }
  if (pod.spec?.nodeName !== name) return "node requested token bound to a pod scheduled on a different node";
  return audienceRefusal(node, pod, audiences);
}

async function audienceRefusal(
  { attributes, lookup, authorizer }: Node,
  pod: Pod,
  audiences: readonly string[],
): Promise<string | undefined> {
  if (audiences.length > 1) return "node may only request 0 or 1 audiences";
  const audience = audiences[0] ?? "";
  const quoted = JSON.stringify(audience);
  const { asked, problem } = podAsksForAudience(pod, audience, lookup);
  if (asked) return undefined;
  if (problem !== undefined) return `error validating audience ${quoted}: ${problem}`;
  const { user, namespace, name } = attributes;
  const decision = await authorizer.authorize({
    user,
    verb: "request-serviceaccounts-token-audience",
    isResourceRequest: true,
    path: "",
    group: "",
    version: "v1",
    resource: audience,
    subresource: "",
    namespace,
    name,
  });
  if (decision.allowed) return undefined;
  return decision.evaluationError === undefined
    ? `audience ${quoted} not found in pod spec volume, ${user.name} is not authorized to request tokens for this audience`
    : `audience ${quoted} not found in pod spec volume, error authorizing ${user.name} to request tokens for this audience: ${decision.evaluationError}`;
}

function leaseRefusal({ name, attributes }: Node): string | undefined {
  if (attributes.namespace !== LEASE_NAMESPACE) {
    return `can only access leases in the ${JSON.stringify(LEASE_NAMESPACE)} system namespace`;
  }
  if (attributeName(attributes) === name) return undefined;
  return "can only access node lease with the same name as the requesting node";
}

function csiNodeRefusal({ name, attributes }: Node): string | undefined {
  if (attributeName(attributes) === name) return undefined;
  return "can only access CSINode with the same name as the requesting node";
}

/** Other writes are the node authorizer's, which knows whose slice it is. */
function sliceRefusal({ name, attributes }: Node): string | undefined {
  const { operation, object, oldObject } = attributes;
  if (operation === "UPDATE") return undefined;
  const subject = (operation === "CREATE" ? object : oldObject) as { spec?: { nodeName?: string } };
  if (subject.spec?.nodeName === name) return undefined;
  const what = operation === "CREATE" ? "create" : "delete";
  return `can only ${what} ResourceSlice with the same NodeName as the requesting node`;
}

async function signingRequestRefusal({ name, attributes }: Node): Promise<string | undefined> {
  if (attributes.operation !== "CREATE" || attributes.subresource !== "") return undefined;
  const { signerName, request } = (attributes.object as CertificateSigningRequest).spec;
  if (!KUBELET_SIGNERS.has(signerName)) return undefined;
  const parsed = await subjectOfRequest(request);
  if (parsed === undefined) return "unable to parse csr: PEM block type must be CERTIFICATE REQUEST";
  if (parsed.commonName === NODE_PREFIX + name) return undefined;
  return `can only create a node CSR with CN=${NODE_PREFIX}${name}`;
}

function podOf({ attributes, lookup }: Node, name: string = attributes.name): Pod {
  const pod = lookup.get("core/pods", attributes.namespace, name);
  if (pod === undefined) throw notFound({ group: "", resource: "pods" }, name);
  return pod as Pod;
}

/** The name on creates, where the path has none. */
function attributeName({ name, object }: Attributes): string {
  return name === "" ? (object?.metadata.name ?? "") : name;
}
