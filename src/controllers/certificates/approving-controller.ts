/** Approves requests for client certificates of nodes and what runs on them, when the requester may have one. @module */
import type { Kind } from "#apimachinery";
import { SubjectAccessReviews } from "#api/authorization/v1/subjectaccessreview";
import { CertificateSigningRequests } from "#api/certificates/v1/certificatesigningrequest";
import type { SubjectAccessReview } from "#api/authorization/v1/types.gen";
import type { CertificateSigningRequest } from "#api/certificates/v1/types.gen";
import type { Client } from "#client";
import type { Controller, ControllerContext } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import { isPending, recognize, recognizeNodeComponent } from "./plan.ts";
import { subjectOf } from "./subject-of-request.ts";

/** A request that was not approved is asked about again: the permission may come. Bounded by the cleaner's day. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 1_000_000;

/** Upstream's: kubelets' own certificates. */
export function csrApprovingController(context: ControllerContext): Controller {
  return approvingController(context, "certificatesigningrequest-approving-controller", recognize);
}

/** Ours: certificates of kube-proxy and CoreDNS, which run beside the kubelet of every node. */
export function nodeComponentApprovingController(context: ControllerContext): Controller {
  return approvingController(context, "node-component-csr-approving-controller", recognizeNodeComponent);
}

/** Safe on a stale cache: approvals carry the resourceVersion they were decided on. */
function approvingController(
  { client, clock, informers }: ControllerContext,
  name: string,
  recognizersOf: typeof recognize,
): Controller {
  const requests = informers.lister(CertificateSigningRequests);
  return {
    name,
    reconciles: CertificateSigningRequests as unknown as Kind,
    async reconcile(key, signal) {
      const csr = requests.get(key);
      if (csr === undefined || !isPending(csr)) return {};
      const recognizers = recognizersOf(csr, await subjectOf(csr));
      for (const { subresource, message } of recognizers) {
        if (!(await mayCreate(client, csr, subresource, signal))) continue;
        const approval = { type: "Approved", status: "True", reason: "AutoApproved", message };
        const conditions = [...(csr.status?.conditions ?? []), approval];
        const approved = { ...csr, status: { ...csr.status, conditions } };
        const { metadata } = csr;
        await unlessGone(
          client.updateSubresource(CertificateSigningRequests, metadata, "approval", approved, signal),
        );
        return {};
      }
      if (recognizers.length === 0) return {};
      const ageMs = clock.now() - Date.parse(csr.metadata.creationTimestamp ?? "");
      return { requeueAfterMs: Math.min(Math.max(ageMs / 2, RETRY_MIN_MS), RETRY_MAX_MS) };
    },
  };
}

/** Whether the requester may create that part of CertificateSigningRequests, which exists for this question alone. */
async function mayCreate(
  client: Client,
  { spec }: CertificateSigningRequest,
  subresource: string,
  signal: AbortSignal,
): Promise<boolean> {
  const resourceAttributes = {
    group: "certificates.k8s.io",
    version: "*",
    resource: "certificatesigningrequests",
    subresource,
    verb: "create",
  };
  const review: SubjectAccessReview = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    metadata: { name: "" },
    spec: {
      ...(spec.username !== undefined && { user: spec.username }),
      ...(spec.uid !== undefined && { uid: spec.uid }),
      ...(spec.groups !== undefined && { groups: spec.groups }),
      ...(spec.extra !== undefined && { extra: spec.extra }),
      resourceAttributes,
    },
  };
  const { status } = await client.create(SubjectAccessReviews, review, signal);
  return status?.allowed === true;
}
