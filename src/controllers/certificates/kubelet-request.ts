/** What kubelets may ask for: subject, names and usages of their client and serving certificates. Pure. @module */
import type { SubjectInfo } from "#component-base/pki";

const NODES = "system:nodes";
const NODE_PREFIX = "system:node:";
const CLIENT_USAGES = ["client auth", "digital signature", "key encipherment"];
const SERVING_USAGES = ["digital signature", "key encipherment", "server auth"];
/** Keys that are not RSA encipher nothing. */
const OPTIONAL_USAGE = "key encipherment";

/** Why it is no kubelet's client certificate that is asked for; undefined: it is one. */
export function validateKubeletClientRequest(
  subject: SubjectInfo,
  usages: readonly string[],
): string | undefined {
  if (!isOfNodes(subject)) return "subject organization is not system:nodes";
  if (subject.dnsNames.length > 0) return "DNS subjectAltNames are not allowed";
  if (subject.emailAddresses.length > 0) return "Email subjectAltNames are not allowed";
  if (subject.ipAddresses.length > 0) return "IP subjectAltNames are not allowed";
  if (subject.uris.length > 0) return "URI subjectAltNames are not allowed";
  if (!subject.commonName.startsWith(NODE_PREFIX))
    return "subject common name does not begin with system:node:";
  return usagesProblem(usages, CLIENT_USAGES);
}

/** The same for a kubelet's serving certificate. */
export function validateKubeletServingRequest(
  subject: SubjectInfo,
  usages: readonly string[],
): string | undefined {
  if (!isOfNodes(subject)) return "subject organization is not system:nodes";
  if (subject.dnsNames.length + subject.ipAddresses.length === 0)
    return "DNS or IP subjectAltName is required";
  if (subject.emailAddresses.length > 0) return "Email subjectAltNames are not allowed";
  if (subject.uris.length > 0) return "URI subjectAltNames are not allowed";
  const problem = usagesProblem(usages, SERVING_USAGES);
  if (problem !== undefined) return problem;
  return subject.commonName.startsWith(NODE_PREFIX)
    ? undefined
    : "subject common name does not begin with system:node:";
}

function isOfNodes({ organizations }: SubjectInfo): boolean {
  return organizations.length === 1 && organizations[0] === NODES;
}

function usagesProblem(usages: readonly string[], required: readonly string[]): string | undefined {
  const given = new Set(usages);
  const isMatch = (wanted: readonly string[]): boolean =>
    wanted.length === given.size && wanted.every((usage) => given.has(usage));
  const withoutRSA = required.filter((usage) => usage !== OPTIONAL_USAGE);
  return isMatch(required) || isMatch(withoutRSA)
    ? undefined
    : `usages did not match [${required.join(" ")}]`;
}
