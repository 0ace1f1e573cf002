/** Who may approve and sign certificate requests, and what no client certificate may say. @module */
import type { CertificateSigningRequest } from "#api/certificates/v1/types.gen";
import { semanticEqual } from "../registry/semantic-equal.ts";
import { SYSTEM_MASTERS, type Authorizer } from "../user-info.ts";
import { subjectOfRequest } from "./certificate-request.ts";
import type { AdmissionPlugin, Attributes } from "./plugin.ts";
import { refuse } from "./refuse.ts";

const RESOURCE = "certificates.k8s.io/certificatesigningrequests";
const CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client";

export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateApproval",
    operations: ["UPDATE"],
    resources: [RESOURCE],
    async validate(attributes) {
      if (attributes.subresource !== "approval") return;
      await checkSigner(attributes, "approve", authorizer);
    },
  };
}

export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateSigning",
    operations: ["UPDATE"],
    resources: [RESOURCE],
    async validate(attributes) {
      if (attributes.subresource !== "status") return;
      const { status } = attributes.object as CertificateSigningRequest;
      const { status: old } = attributes.oldObject as CertificateSigningRequest;
      const isSame =
        status?.certificate === old?.certificate &&
        semanticEqual(status?.conditions ?? [], old?.conditions ?? []);
      if (!isSame) await checkSigner(attributes, "sign", authorizer);
    },
  };
}

export const certificateSubjectRestriction: AdmissionPlugin = {
  name: "CertificateSubjectRestriction",
  operations: ["CREATE"],
  resources: [RESOURCE],
  async validate(attributes) {
    const { spec } = attributes.object as CertificateSigningRequest;
    if (attributes.subresource !== "" || spec.signerName !== CLIENT_SIGNER) return;
    const subject = await subjectOfRequest(spec.request);
    if (subject === undefined)
      throw refuse(attributes, "failed to parse CSR: PEM block type must be CERTIFICATE REQUEST");
    if (!subject.organizations.includes(SYSTEM_MASTERS)) return;
    throw refuse(attributes, `use of ${CLIENT_SIGNER} signer with system:masters group is not allowed`);
  },
};

/** By the stored signer: a request to change it must not choose who is asked. The signer's domain may stand for all of its signers. */
async function checkSigner(
  attributes: Attributes,
  verb: "approve" | "sign",
  authorizer: Authorizer,
): Promise<void> {
  const { user, oldObject } = attributes;
  if (user.groups.includes(SYSTEM_MASTERS)) return;
  const { signerName } = (oldObject as CertificateSigningRequest).spec;
  const domain = signerName.split("/", 1)[0]!;
  for (const name of [signerName, `${domain}/*`]) {
    const decision = await authorizer.authorize({
      user,
      verb,
      isResourceRequest: true,
      path: "",
      group: "certificates.k8s.io",
      version: "*",
      resource: "signers",
      subresource: "",
      namespace: "",
      name,
    });
    if (decision.allowed) return;
  }
  throw refuse(
    attributes,
    `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`,
  );
}
