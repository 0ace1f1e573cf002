/** For which pods a kubelet may ask for certificates: those that run on its node, as they are now. @module */
import { StatusError, type KubeObject } from "#apimachinery";
import type { PodCertificateRequest } from "#api/certificates/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import type { ObjectLookup } from "./object-lookup.ts";
import type { Attributes } from "./plugin.ts";

const MIRROR_ANNOTATION = "kubernetes.io/config.mirror";

/** Undefined: it may. Throws InternalError where what was said differs from what is known here, which may be older. */
export function podCertificateRefusal(
  node: string,
  attributes: Attributes,
  lookup: ObjectLookup,
): string | undefined {
  const { operation, subresource, namespace, object } = attributes;
  if (operation !== "CREATE") return `unexpected operation ${operation}`;
  if (subresource !== "") return `unexpected subresource ${subresource}`;
  const { spec } = object as PodCertificateRequest;
  const { podName, serviceAccountName } = spec;
  const quoted = JSON.stringify(`${namespace}/${podName}`);
  if (spec.nodeName !== node)
    return `PodCertificateRequest.Spec.NodeName=${JSON.stringify(spec.nodeName)}, which is not the requesting node ${JSON.stringify(node)}`;
  checkNode(spec, quoted, lookup.get("core/nodes", "", node));
  const pod = lookup.get("core/pods", namespace, podName) as Pod | undefined;
  if (pod === undefined) throw missing("pod", "pods", `${namespace}/${podName}`, podName);
  if (spec.podUID !== pod.metadata.uid) {
    throw later(
      `PodCertificateRequest for pod ${quoted} contains pod UID (${JSON.stringify(spec.podUID)}) which differs from running pod ${JSON.stringify(pod.metadata.uid)}`,
    );
  }
  if (pod.spec?.nodeName !== node)
    return `pod ${quoted} is not running on node ${JSON.stringify(node)} named in the PodCertificateRequest`;
  if (pod.metadata.annotations?.[MIRROR_ANNOTATION] !== undefined) return `pod ${quoted} is a mirror pod`;
  if (serviceAccountName !== pod.spec.serviceAccountName)
    return `PodCertificateRequest for pod ${quoted} contains serviceAccountName (${JSON.stringify(serviceAccountName)}) that differs from running pod (${JSON.stringify(pod.spec.serviceAccountName)})`;
  const account = lookup.get("core/serviceaccounts", namespace, serviceAccountName);
  if (account === undefined)
    throw missing(
      "service account",
      "serviceaccounts",
      `${namespace}/${serviceAccountName}`,
      serviceAccountName,
    );
  if (spec.serviceAccountUID === account.metadata.uid) return undefined;
  throw later(
    `PodCertificateRequest for pod ${quoted} names service account UID ${JSON.stringify(spec.serviceAccountUID)}, which differs from the running service account (${JSON.stringify(account.metadata.uid)})`,
  );
}

function checkNode(
  { nodeName, nodeUID }: PodCertificateRequest["spec"],
  pod: string,
  node: KubeObject | undefined,
): void {
  if (node === undefined) throw missing("node", "nodes", nodeName, nodeName);
  if (node.metadata.uid === nodeUID) return;
  throw later(
    `PodCertificateRequest for pod ${pod} names node UID ${JSON.stringify(nodeUID)}, inconsistent with the running node (${JSON.stringify(node.metadata.uid)})`,
  );
}

function missing(what: string, resource: string, shown: string, name: string): StatusError {
  const why = `${resource} ${JSON.stringify(name)} not found`;
  return later(
    `while retrieving ${what} ${JSON.stringify(shown)} named in the PodCertificateRequest: ${why}`,
  );
}

/** No refusal for good: another try may succeed. */
function later(message: string): StatusError {
  return new StatusError("InternalError", message);
}
