/** What becomes of a certificate request: who approves it, which of the built-in signers signs it and how, when it is removed. Pure. @module */
import type { CertificateSigningRequest } from "#api/certificates/v1/types.gen";
import type { SubjectInfo } from "#component-base/pki";
import { validateKubeletClientRequest, validateKubeletServingRequest } from "./kubelet-request.ts";

export const KUBE_APISERVER_CLIENT = "kubernetes.io/kube-apiserver-client";
export const KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet";
export const KUBELET_SERVING = "kubernetes.io/kubelet-serving";
const LEGACY_UNKNOWN = "kubernetes.io/legacy-unknown";
export const SIGNERS: readonly string[] = [
  KUBE_APISERVER_CLIENT,
  KUBELET_CLIENT,
  KUBELET_SERVING,
  LEGACY_UNKNOWN,
];

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Twice the backdating of certificates. */
const TTL_MIN_MS = 10 * MINUTE_MS;
/** How long requests stay: issued, denied and failed ones; those that nobody judged, and approved ones that nobody signs. */
const SETTLED_MS = HOUR_MS;
const PENDING_MS = 24 * HOUR_MS;

/** A subresource that the requester must be allowed to create, and what the approval says then. */
export interface Recognizer {
  readonly subresource: "selfnodeclient" | "nodeclient" | "nodecomponent";
  readonly message: string;
}

/** Permissions that would approve the request, in the order in which they are tried. */
export function recognize({ spec }: CertificateSigningRequest, subject: SubjectInfo): readonly Recognizer[] {
  if (spec.signerName !== KUBELET_CLIENT) return [];
  if (validateKubeletClientRequest(subject, spec.usages ?? []) !== undefined) return [];
  const node: Recognizer = {
    subresource: "nodeclient",
    message: "Auto approving kubelet client certificate after SubjectAccessReview.",
  };
  const self: Recognizer = {
    subresource: "selfnodeclient",
    message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
  };
  return spec.username === subject.commonName ? [self, node] : [node];
}

/** What runs on a node beside its kubelet, and the groups that belong to its name: ours, for nodes without pods of their own for these. */
const NODE_COMPONENTS: Readonly<Record<string, readonly string[]>> = {
  "system:kube-proxy": [],
  "system:serviceaccount:kube-system:coredns": [
    "system:serviceaccounts",
    "system:serviceaccounts:kube-system",
  ],
};

/** The permission that approves a node's request for the client certificate of such a component. */
export function recognizeNodeComponent(
  { spec }: CertificateSigningRequest,
  subject: SubjectInfo,
): readonly Recognizer[] {
  const groups = Object.hasOwn(NODE_COMPONENTS, subject.commonName)
    ? NODE_COMPONENTS[subject.commonName]!
    : undefined;
  const { dnsNames, ipAddresses, emailAddresses, uris, organizations } = subject;
  const hasNames = dnsNames.length + ipAddresses.length + emailAddresses.length + uris.length > 0;
  const hasGroups =
    organizations.length === groups?.length && organizations.every((group) => groups.includes(group));
  if (spec.signerName !== KUBE_APISERVER_CLIENT || hasNames || !hasGroups) return [];
  if (clientUsagesProblem(spec.usages ?? []) !== undefined) return [];
  const message = "Auto approving client certificate of a node's component after SubjectAccessReview.";
  return [{ subresource: "nodecomponent", message }];
}

/** Neither judged nor issued. */
export function isPending({ status }: CertificateSigningRequest): boolean {
  const isJudged = status?.conditions?.some(({ type }) => type === "Approved" || type === "Denied") ?? false;
  return !isJudged && (status?.certificate ?? "") === "";
}

/** Approved, and waiting for one of the built-in signers. */
export function awaitsSigner({ spec, status }: CertificateSigningRequest): boolean {
  const has = (type: string): boolean =>
    status?.conditions?.some((c) => c.type === type && c.status === "True") ?? false;
  const isIssued = (status?.certificate ?? "") !== "";
  return (
    SIGNERS.includes(spec.signerName) && !isIssued && has("Approved") && !has("Denied") && !has("Failed")
  );
}

/** Why the signer will never sign this; upstream's messages of `SignerValidationFailure`. */
export function signerProblem(
  { signerName, usages = [] }: CertificateSigningRequest["spec"],
  subject: SubjectInfo,
): string | undefined {
  switch (signerName) {
    case KUBELET_CLIENT:
      return validateKubeletClientRequest(subject, usages);
    case KUBELET_SERVING:
      return validateKubeletServingRequest(subject, usages);
    case KUBE_APISERVER_CLIENT:
      return clientUsagesProblem(usages);
    default:
      return undefined; // what is older than the rules is signed without them
  }
}

function clientUsagesProblem(usages: readonly string[]): string | undefined {
  const allowed = ["digital signature", "key encipherment", "client auth"];
  const invalid = usages.find((usage) => !allowed.includes(usage));
  if (invalid !== undefined) return `invalid usage for client certificate: ${invalid}`;
  return usages.includes("client auth")
    ? undefined
    : "missing required usage for client certificate: client auth";
}

/** The life of a certificate: what was asked for, between ten minutes and the signer's own limit. */
export function certificateTtlMs(expirationSeconds: number | undefined, ttlMaxMs: number): number {
  if (expirationSeconds === undefined) return ttlMaxMs;
  const wantedMs = expirationSeconds * 1000;
  return wantedMs > ttlMaxMs ? ttlMaxMs : Math.max(wantedMs, TTL_MIN_MS);
}

/**
 * When the request is to be removed, in ms since 1970; undefined: never, as it stands. `notAfterMs` is the end of the
 * certificate that was issued for it.
 */
export function removeAtMs(
  { metadata, status }: CertificateSigningRequest,
  notAfterMs: number | undefined,
): number | undefined {
  const conditions = status?.conditions ?? [];
  const isIssued = (status?.certificate ?? "") !== "";
  if (conditions.length === 0) return after(metadata.creationTimestamp, PENDING_MS);
  const times = conditions.flatMap(({ type, lastUpdateTime }) => {
    if (type === "Denied" || type === "Failed") return [after(lastUpdateTime, SETTLED_MS)];
    if (type !== "Approved") return [];
    return isIssued ? [after(lastUpdateTime, SETTLED_MS), notAfterMs] : [after(lastUpdateTime, PENDING_MS)];
  });
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function after(time: string | undefined, ms: number): number | undefined {
  return time === undefined ? undefined : Date.parse(time) + ms;
}
